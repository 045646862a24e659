package serve

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// accept takes connections until the listener is closed. When there are too many
// open files it waits for some to close.
func (g *group) accept(l net.Listener, secure bool) error {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			from := remote(c)
			if !g.crowd.enter(from.Addr(), g.server.Limits) {
				_ = c.Close()
				continue
			}
			g.wg.Go(func() {
				defer g.crowd.leave(from.Addr())
				g.connection(c, from, secure)
			})
		case g.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return err
		default:
			g.server.log().Warn("serve: accept", "err", err)
			select {
			case <-g.ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

func remote(c net.Conn) netip.AddrPort {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.AddrPort{}
	}
	return unmap(a)
}

// connection answers the requests of one, in their order.
func (g *group) connection(c net.Conn, from netip.AddrPort, secure bool) {
	defer c.Close()
	if secure {
		t := tls.Server(c, g.server.tlsConfig())
		ctx, cancel := context.WithTimeout(g.ctx, g.server.Limits.idle())
		err := t.HandshakeContext(ctx)
		cancel()
		if err != nil {
			return
		}
		c = t
	}
	g.mu.Lock()
	g.conns[c] = true
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.conns, c)
	}()
	buf := make([]byte, 2)
	for {
		if !g.waitUntil(c, time.Now().Add(g.server.Limits.idle())) {
			return
		}
		raw, err := readMessage(c, &buf)
		if err != nil || !g.request(c, raw, &request{from: from, tls: secure}) {
			return
		}
	}
}

// readMessage reads one with its length before it. The space is used again; it
// grows with what comes, and not with what is announced.
func readMessage(r io.Reader, buf *[]byte) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(head[:]))
	*buf = slices.Grow((*buf)[:0], size)[:size]
	_, err := io.ReadFull(r, *buf)
	return *buf, err
}

// request is false when the connection is of no more use.
func (g *group) request(c net.Conn, raw []byte, r *request) bool {
	s := g.server
	out, t := s.handle(raw, r)
	if t != nil {
		if s.slots.take(g.ctx, s.Limits.transfers(), s.Limits.transferWait()) {
			defer s.slots.give()
			return s.send(c, t) == nil
		}
		s.counters.busy.Add(1)
		s.log().Warn("serve: transfer refused: too many go on at once", "zone", t.zone.Origin(), "peer", r.from)
		out = s.pack(s.fail(r, dns.RcodeServerFailure), r)
	}
	if out == nil || c.SetWriteDeadline(time.Now().Add(s.Limits.write())) != nil {
		return false
	}
	_, err := c.Write(append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(out)), uint16(len(out))), out...))
	return err == nil
}

// tlsConfig is that of the caller, as RFC 9103, section 8.3.1, wants it.
func (s *Server) tlsConfig() *tls.Config {
	c := s.TLS.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS13)
	if len(c.NextProtos) == 0 {
		c.NextProtos = []string{"dot"}
	}
	return c
}
