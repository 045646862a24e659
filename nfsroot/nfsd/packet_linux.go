package nfsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// servePackets answers portmap calls by UDP, one after the other.
func (e *engine) servePackets(ctx context.Context, pc net.PacketConn, port uint16) error {
	defer context.AfterFunc(ctx, func() { _ = pc.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, smallBuffer)
	for {
		n, from, err := pc.ReadFrom(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("nfsd: portmap: %w", err)
		case err != nil: // what one client caused ends nothing
			e.log.Debug("nfsd: portmap", "err", err)
			pause(ctx, time.Millisecond)
			continue
		}
		if reply := e.packet(buf[:n], from, port); reply != nil {
			_, _ = pc.WriteTo(reply, from)
		}
	}
}

// packet is the reply to a call, or nil for silence. Strangers hear nothing.
func (e *engine) packet(b []byte, from net.Addr, port uint16) []byte {
	peer, err := netip.ParseAddrPort(from.String())
	addr := peer.Addr().Unmap().WithZone("")
	if err != nil || !e.table.Load().allows(addr) {
		return nil
	}
	k := &call{e: e, in: decoder{b: b}, conn: &conn{e: e, client: &client{addr: addr}, port: port}}
	if k.header, err = parseHeader(&k.in); err != nil {
		return nil
	}
	k.serve()
	return endReply(&k.out)[4:] // packets need no record mark
}
