package quic_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

var (
	front   = netip.MustParseAddrPort("192.0.2.1:443")
	servers = []netip.AddrPort{netip.MustParseAddrPort("[2001:db8:1::1]:443"), netip.MustParseAddrPort("[2001:db8:1::2]:443")}
)

// bubble is a relay in a network in memory, with a clock of its own.
type bubble struct {
	*quic.Server
	t       *testing.T
	net     memnet.Network
	backend *fixed

	mu      sync.Mutex
	records []sniproxy.Record
	dialled []netip.AddrPort
}

// inBubble runs a test with a relay that routes [site] to the servers.
func inBubble(t *testing.T, change func(*bubble), test func(*bubble)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, backend: &fixed{addrs: servers}}
		b.Server = &quic.Server{
			Router: sniproxy.RouterFunc(func(r *sniproxy.Request) (sniproxy.Decision, error) {
				if r.Name != site {
					return sniproxy.Decision{}, sniproxy.ErrUnknownName
				}
				return sniproxy.Decision{Site: site, Backend: b.backend}, nil
			}),
			Guard:    &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/48")}},
			Dial:     b.dial,
			Observer: &sniproxy.Observer{Connection: b.record},
		}
		if change != nil {
			change(b)
		}
		pc, err := b.net.ListenPacket(front)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- b.Serve(pc) }()
		defer b.Close()
		synctest.Wait()
		test(b)
		require.NoError(t, b.Close())
		require.ErrorIs(t, <-done, sniproxy.ErrServerClosed)
		s := b.Stats()
		require.Zero(t, s.Active)
		require.Zero(t, s.Held)
		b.backend.mu.Lock()
		defer b.backend.mu.Unlock()
		require.Zero(t, b.backend.open, "each connection is closed once")
	})
}

func (b *bubble) record(r *sniproxy.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, *r)
}

// results are what became of connections so far.
func (b *bubble) results() (all []sniproxy.Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.records {
		all = append(all, r.Result)
	}
	return all
}

// connected is a packet socket with one peer.
type connected struct {
	net.PacketConn
	peer net.Addr
}

func (c connected) Read(b []byte) (int, error) {
	n, _, err := c.ReadFrom(b)
	return n, err
}
func (c connected) Write(b []byte) (int, error) { return c.WriteTo(b, c.peer) }
func (c connected) RemoteAddr() net.Addr        { return c.peer }

func (b *bubble) dial(_ context.Context, addr netip.AddrPort, _ backend.DialOptions) (net.Conn, error) {
	b.mu.Lock()
	b.dialled = append(b.dialled, addr)
	b.mu.Unlock()
	pc, err := b.net.ListenPacket(netip.MustParseAddrPort("[2001:db8:ff::1]:0"))
	return connected{pc, net.UDPAddrFromAddrPort(addr)}, err
}

// socket opens a packet socket of a client's or server's.
func (b *bubble) socket(addr netip.AddrPort) net.PacketConn {
	b.t.Helper()
	pc, err := b.net.ListenPacket(addr)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { pc.Close() })
	return pc
}

func (b *bubble) client() net.PacketConn {
	b.t.Helper()
	return b.socket(netip.MustParseAddrPort("198.51.100.7:0"))
}

// send sends datagrams to the relay and waits until they are dealt with.
func (b *bubble) send(pc net.PacketConn, datagrams ...[]byte) {
	b.t.Helper()
	for _, d := range datagrams {
		_, err := pc.WriteTo(d, net.UDPAddrFromAddrPort(front))
		require.NoError(b.t, err)
		synctest.Wait()
	}
}

// receive returns what has arrived at a socket, and who sent the last of it.
func (b *bubble) receive(pc net.PacketConn) (all [][]byte, from net.Addr) {
	b.t.Helper()
	synctest.Wait()
	require.NoError(b.t, pc.SetReadDeadline(time.Now().Add(time.Nanosecond)))
	for {
		buf := make([]byte, 4096)
		n, addr, err := pc.ReadFrom(buf)
		if err != nil {
			var timeout net.Error
			require.True(b.t, errors.As(err, &timeout) && timeout.Timeout(), "%v", err)
			return all, from
		}
		all, from = append(all, buf[:n]), addr
	}
}

// classical is a hello in one datagram; quantum is one in two.
func classical(name string) []byte {
	hello := message(name, sniproxytest.HelloOptions{Classical: true})
	return quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, hello), 1200)
}

func quantum(name string) [][]byte {
	hello := message(name, sniproxytest.HelloOptions{})
	return [][]byte{
		quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, hello[:900]), 1200),
		quic.SealInitial(quic.Version1, dcid, scid, 1, cryptoFrame(900, hello[900:]), 1200),
	}
}

// serverPacket is a Handshake packet of a server's, whose content does not matter.
func serverPacket(id string, size int) []byte {
	b := []byte{0xe0, 0, 0, 0, 1, byte(len(scid))}
	b = append(append(b, scid...), byte(len(id)))
	b = append(append(b, id...), 0x40|byte((size-len(b)-len(id)-2)>>8), byte(size-len(b)-len(id)-2))
	return append(b, make([]byte, size-len(b))...)
}

// pass lets that much time pass in the bubble, and what happens in it.
func (b *bubble) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
