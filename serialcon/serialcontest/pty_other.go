//go:build !linux

package serialcontest

import (
	"errors"
	"fmt"
	"os"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// PTY exists on Linux only.
type PTY struct {
	*os.File
	Path string
}

// OpenPTY fails with errors.ErrUnsupported.
func OpenPTY() (*PTY, error) {
	return nil, fmt.Errorf("serialcontest: pseudo-terminals: %w", errors.ErrUnsupported)
}

// Opener returns nil.
func (p *PTY) Opener() serialcon.Opener { return nil }
