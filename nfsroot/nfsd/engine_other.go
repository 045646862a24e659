//go:build !linux

package nfsd

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

type engine struct{}

func newEngine(options) (*engine, error) {
	return nil, fmt.Errorf("nfsd: needs Linux: %w", errors.ErrUnsupported)
}

func (e *engine) serve(context.Context, net.Listener, uint16) error { return errors.ErrUnsupported }
func (e *engine) servePackets(context.Context, net.PacketConn, uint16) error {
	return errors.ErrUnsupported
}
func (e *engine) setExports([]export.Export) error { return errors.ErrUnsupported }
func (e *engine) flush()                           {}
func (e *engine) stats() Stats                     { return Stats{} }
