package web

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/gate"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

//go:embed templates static
var assets embed.FS

// Options say what the pages are for. House, Accounts and Audit are needed.
type Options struct {
	House    model.House
	Accounts *account.Store
	Audit    *audit.Log
	// API answers below /api/. Nil is that there is none.
	API http.Handler
	// TLS is whether browsers come by https.
	TLS bool
	// Hosts are the names, in lower case, that the panel is opened by. Addresses and
	// localhost are answered without being here.
	Hosts []string
	// Burst is how many buttons an account may press at once, and Every how long it
	// takes until it may press one more. Zero means 100, and 300 ms.
	Burst int
	Every time.Duration
	// Log says what goes wrong. Nil discards.
	Log *slog.Logger
}

// Site is the pages. Make one by [New].
type Site struct {
	o         Options
	gate      *gate.Gate
	log       *slog.Logger
	templates *template.Template
	seats     seats
	flashes   flashes
	consoles  consoles
	// What one account may do in a while.
	presses, keys limit.Buckets
}

// New returns the pages.
func New(o Options) (*Site, error) {
	o.Burst, o.Every = cmp.Or(o.Burst, 100), cmp.Or(o.Every, 300*time.Millisecond)
	t, err := template.New("").Funcs(funcs()).ParseFS(assets, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: read the templates: %w", err)
	}
	s := &Site{
		o:         o,
		gate:      &gate.Gate{Store: o.Accounts, TLS: o.TLS},
		log:       o.Log,
		templates: t,
		presses:   limit.Buckets{Burst: o.Burst, Every: o.Every},
		keys:      limit.Buckets{Burst: 200, Every: 20 * time.Millisecond},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

const (
	actionTimeout = 2 * time.Minute // of a button: a switch may be slow
	maxForm       = 64 << 10        // bytes
)

// Handler answers all requests.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	s.accountRoutes(mux)
	s.piRoutes(mux)
	s.consoleRoutes(mux)
	s.domainRoutes(mux)
	s.siteRoutes(mux)
	mux.Handle("GET /audit", s.show((*visit).auditPage))
	mux.Handle("GET /static/", http.FileServerFS(assets))
	mux.HandleFunc("GET /static/console.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(consoleCSS())) // the reader has gone
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.visit(w, r).fail(model.ErrUnknown) })
	pages := s.gate.Handler(guard(http.MaxBytesHandler(mux, maxForm), s.o.Hosts))
	if s.o.API == nil {
		return pages
	}
	all := http.NewServeMux()
	all.Handle("/api/", guard(s.o.API, s.o.Hosts))
	all.Handle("/", pages)
	return all
}

// Serve answers on l until ctx ends, and returns when all requests have ended.
func (s *Site) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      actionTimeout + writeTimeout, // an event stream prolongs its own
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends event streams
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	defer stop()
	defer s.consoles.closeAll()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web: serve the pages: %w", err)
	}
	<-stopped
	return nil
}
