package api

import (
	"log/slog"
	"net/http"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Options say what an API is for.
type Options struct {
	House    model.House
	Accounts *account.Store
	Audit    *audit.Log
	// Log says what goes wrong. nil discards.
	Log *slog.Logger
}

// New returns the handler of everything under /api/v1/.
func New(o Options) http.Handler { return http.NotFoundHandler() }
