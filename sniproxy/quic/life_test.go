package quic_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// TestHeldAndPassedOn: the datagrams of a hello reach the server as they came, in
// their order, and so does all that follows, both ways.
func TestHeldAndPassedOn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		server, client := b.socket(servers[0]), b.client()
		hello := quantum(site)
		b.send(client, hello[1])
		got, _ := b.receive(server)
		require.Empty(t, got, "the name is not known yet")
		require.EqualValues(t, 1200, b.Stats().Held)
		b.send(client, hello[0])
		got, from := b.receive(server)
		require.Equal(t, [][]byte{hello[1], hello[0]}, got)

		_, err := server.WriteTo(serverPacket("server-1", 1200), from)
		require.NoError(t, err)
		back, relay := b.receive(client)
		require.Equal(t, [][]byte{serverPacket("server-1", 1200)}, back)
		require.Equal(t, front.String(), relay.String())
		require.Zero(t, b.Stats().Held)
		b.send(client, []byte("\x40server-1 short"))
		got, _ = b.receive(server)
		require.Equal(t, [][]byte{[]byte("\x40server-1 short")}, got)
	})
}

func TestHelloTimeout(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		client := b.client()
		b.send(client, quantum(site)[0])
		b.pass(4 * time.Second)
		require.EqualValues(t, 1, b.Stats().Active)
		b.pass(2 * time.Second)
		require.Zero(t, b.Stats().Active)
		require.Equal(t, []sniproxy.Result{sniproxy.HelloTimeout}, b.results())
		got, _ := b.receive(client)
		require.Empty(t, got)
	})
}

func TestIdle(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		server, client := b.socket(servers[0]), b.client()
		b.send(client, classical(site))
		_, from := b.receive(server)
		_, err := server.WriteTo(serverPacket("server-1", 100), from)
		require.NoError(t, err)
		for range 5 {
			b.pass(100 * time.Second)
			b.send(client, []byte("\x40server-1"))
			require.EqualValues(t, 1, b.Stats().Active)
		}
		b.pass(119 * time.Second)
		require.EqualValues(t, 1, b.Stats().Active)
		b.pass(2 * time.Second)
		require.Zero(t, b.Stats().Active)
		require.Equal(t, []sniproxy.Result{sniproxy.Routed}, b.results())
		require.NoError(t, b.records[0].Err)
		require.Equal(t, servers[0], b.records[0].Backend)
		require.EqualValues(t, 100, b.records[0].Sent)
		require.EqualValues(t, 1200+5*9, b.records[0].Received)
	})
}

// TestSilentServer: the next one gets the same datagrams after a second.
func TestSilentServer(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		second, client := b.socket(servers[1]), b.client()
		b.send(client, quantum(site)...)
		got, _ := b.receive(second)
		require.Empty(t, got)
		b.pass(1100 * time.Millisecond)
		got, from := b.receive(second)
		require.Equal(t, quantum(site), got)
		_, err := second.WriteTo(serverPacket("server-2", 100), from)
		require.NoError(t, err)
		back, _ := b.receive(client)
		require.Len(t, back, 1)
		require.Equal(t, servers[:1], b.backend.fails)
	})
}

// TestNoServer: nobody answers, and the client is told within the limit.
func TestNoServer(t *testing.T) {
	for name, early := range map[string][]byte{"": nil, "early data is sent to one server only": {}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				client := b.client()
				hello := message(site, sniproxytest.HelloOptions{Classical: true, EarlyData: early})
				b.send(client, quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, hello), 1200))
				b.pass(5100 * time.Millisecond)
				got, _ := b.receive(client)
				require.Len(t, got, 1)
				requireClose(t, got[0], 0x02)
				require.Equal(t, []sniproxy.Result{sniproxy.BackendTimeout}, b.results())
				want := servers
				if early != nil {
					want = servers[:1]
				}
				require.Equal(t, want, b.dialled)
			})
		})
	}
}

// requireClose: the packet is small, can be opened, and closes with that code.
func requireClose(t *testing.T, packet []byte, code uint16) {
	t.Helper()
	require.Less(t, len(packet), 80)
	frames, ok := quic.OpenRefusal(packet, dcid)
	require.True(t, ok)
	require.Equal(t, []byte{0x1c, 0x40 | byte(code>>8), byte(code), 0x06, 0}, frames)
}

// TestRefusals: what is refused is answered once, by less than came, and passed
// over for a while.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*bubble)
		hello  []byte
		code   uint16
		want   sniproxy.Result
	}{
		"unknown name":    {nil, classical("unknown.example"), 0x170, sniproxy.UnknownName},
		"two names":       {nil, quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, message(site, sniproxytest.HelloOptions{Classical: true, SecondName: "b.example"})), 1200), 0x100 + 47, sniproxy.Malformed},
		"too large":       {nil, quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, []byte{1, 1, 0, 0}), 1200), 0x100 + 47, sniproxy.TooLarge},
		"forbidden frame": {nil, quic.SealInitial(quic.Version2, dcid, scid, 0, []byte{0x1e}, 1200), 0x0a, sniproxy.Malformed},
		"guard":           {func(b *bubble) { b.Guard = &backend.Guard{} }, classical(site), 0x02, sniproxy.Denied},
		"no backend":      {func(b *bubble) { b.backend.addrs = nil }, classical(site), 0x02, sniproxy.BackendRefused},
		"dial": {func(b *bubble) {
			b.Dial = func(context.Context, netip.AddrPort, backend.DialOptions) (net.Conn, error) {
				return nil, errors.New("no descriptors")
			}
		}, classical(site), 0x02, sniproxy.BackendRefused},
		"site limit": {func(b *bubble) {
			b.Limiter = &limit.Limiter{PerSite: limit.Limit{Conns: 1}}
			_, err := b.Limiter.Site(site, limit.Limit{})
			require.NoError(b.t, err)
		}, classical(site), 0x02, sniproxy.Limited},
		"denied": {func(b *bubble) {
			b.Router = sniproxy.RouterFunc(func(*sniproxy.Request) (sniproxy.Decision, error) { return sniproxy.Decision{}, sniproxy.ErrDenied })
		}, classical(site), 0x100 + 49, sniproxy.Denied},
		"no site": {func(b *bubble) {
			b.Router = sniproxy.RouterFunc(func(*sniproxy.Request) (sniproxy.Decision, error) { return sniproxy.Decision{}, nil })
		}, classical(site), 0x100 + 49, sniproxy.Denied},
		"the router's own refusal": {func(b *bubble) {
			b.Router = sniproxy.RouterFunc(func(*sniproxy.Request) (sniproxy.Decision, error) {
				return sniproxy.Decision{}, &sniproxy.RefusedError{Result: sniproxy.NoName, Alert: 109}
			})
		}, classical(""), 0x100 + 109, sniproxy.NoName},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, tc.change, func(b *bubble) {
				client := b.client()
				b.send(client, tc.hello, tc.hello, tc.hello)
				got, _ := b.receive(client)
				require.Len(t, got, 1)
				requireClose(t, got[0], tc.code)
				require.Equal(t, []sniproxy.Result{tc.want}, b.results())
				require.Error(t, b.records[0].Err)
				b.pass(6 * time.Second)
				require.Zero(t, b.Stats().Active)
				require.EqualValues(t, 1, b.Stats().Results[tc.want])
			})
		})
	}
}

// TestAmplification: until the client has shown that it gets the answers, a server
// may send three times what came.
func TestAmplification(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		server, client := b.socket(servers[0]), b.client()
		b.send(client, classical(site))
		_, from := b.receive(server)
		for range 20 {
			_, err := server.WriteTo(serverPacket("server-1", 1000), from)
			require.NoError(t, err)
		}
		got, _ := b.receive(client)
		require.Len(t, got, 3)
		require.EqualValues(t, 17, b.Stats().Dropped)
		b.send(client, []byte("\x40server-1"))
		for range 20 {
			_, err := server.WriteTo(serverPacket("server-1", 1000), from)
			require.NoError(t, err)
		}
		got, _ = b.receive(client)
		require.Len(t, got, 20)
	})
}

// TestVersionNegotiation: unknown versions are answered with those that are known,
// but not small datagrams.
func TestVersionNegotiation(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		client := b.client()
		hello := append([]byte{0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8}, dcid...)
		hello = append(append(hello, byte(len(scid))), scid...)
		b.send(client, hello, append(hello, make([]byte, 1200)...))
		got, _ := b.receive(client)
		require.Len(t, got, 1)
		want := append([]byte{got[0][0], 0, 0, 0, 0, byte(len(scid))}, scid...)
		want = append(append(want, 8), dcid...)
		want = append(want, 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf)
		require.Equal(t, want, got[0])
		require.NotZero(t, got[0][0]&0x80)
		require.EqualValues(t, 1, b.Stats().Negotiated)
		require.EqualValues(t, 1, b.Stats().Ignored)
		require.Zero(t, b.Stats().Accepted)
	})
}

// TestStrayDatagrams begin nothing and are not answered.
func TestStrayDatagrams(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		client := b.client()
		forged := classical(site)
		forged[1199]++
		for _, d := range [][]byte{
			{0}, {0x80}, []byte("\x40short header"), bytes.Repeat([]byte{0xff}, 1100), forged, classical(site)[:1199],
			make([]byte, 2048), append([]byte{0xc0, 0, 0, 0, 0, 8}, make([]byte, 1300)...), make([]byte, 4000),
		} {
			b.send(client, d)
		}
		got, _ := b.receive(client)
		require.Empty(t, got)
		require.Zero(t, b.Stats().Accepted)
		require.EqualValues(t, 8, b.Stats().Ignored)
		require.EqualValues(t, 1, b.Stats().Dropped, "the one that is too long")
	})
}

// TestFlood: hellos that never end, from everywhere. Memory is bounded, and a good
// client gets through in the midst of it.
func TestFlood(t *testing.T) {
	for name, change := range map[string]func(*bubble){
		"bytes":       func(b *bubble) { b.MaxHeld = 50 * 1200 },
		"connections": func(b *bubble) { b.MaxFlows = 50 },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, change, func(b *bubble) {
				server, client, half := b.socket(servers[0]), b.client(), quantum(site)[0]
				pc := make([]net.PacketConn, 500)
				for i := range pc {
					pc[i] = b.socket(netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), uint16(1000+i)))
					b.send(pc[i], half)
					require.LessOrEqual(t, b.Stats().Active, int64(51))
					require.LessOrEqual(t, b.Stats().Held, int64(51*1200))
					if i == 400 {
						b.send(client, quantum(site)...)
						_, from := b.receive(server)
						_, err := server.WriteTo(serverPacket("server-1", 100), from)
						require.NoError(t, err)
						back, _ := b.receive(client)
						require.Len(t, back, 1)
					}
				}
				require.Greater(t, b.Stats().Results[sniproxy.Limited], uint64(400))
				b.send(client, []byte("\x40server-1"))
				got, _ := b.receive(server)
				require.Len(t, got, 1, "what has a server is not given up")
			})
		})
	}
}

// TestManyDatagrams: a client that goes on sending while its hello is not whole.
func TestManyDatagrams(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		server, client, hello := b.socket(servers[0]), b.client(), quantum(site)
		for range 20 {
			b.send(client, hello[0])
		}
		require.EqualValues(t, 8*1200, b.Stats().Held)
		b.send(client, hello[1])
		got, _ := b.receive(server)
		require.Len(t, got, 8, "the last one was lost, and is sent again")
		b.send(client, hello[1])
		got, _ = b.receive(server)
		require.Equal(t, [][]byte{hello[1]}, got)
	})
}

func TestLimits(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.Limiter = &limit.Limiter{PerClient: limit.Limit{Conns: 3}}
	}, func(b *bubble) {
		for i := range 5 {
			b.send(b.client(), quantum(site)[i%2])
		}
		require.EqualValues(t, 3, b.Stats().Active)
		b.pass(6 * time.Second)
		require.Zero(t, b.Stats().Active)
		b.send(b.client(), quantum(site)[0])
		require.EqualValues(t, 1, b.Stats().Active, "what they took was given back")
	})
	inBubble(t, nil, func(b *bubble) {
		client := b.client()
		hello := message(site, sniproxytest.HelloOptions{})
		for i := range 20 {
			id := []byte{1, 2, 3, 4, 5, 6, 7, byte(i)}
			b.send(client, quic.SealInitial(quic.Version1, id, scid, 0, cryptoFrame(0, hello[:900]), 1200))
		}
		require.EqualValues(t, 8, b.Stats().Active, "from one port")
	})
}

// slow is a backend that has to be waited for.
type slow struct {
	fixed
	err error
}

func (s *slow) Ready(dst []netip.AddrPort, _ backend.Query) ([]netip.AddrPort, bool, error) {
	return dst, false, nil
}

func (s *slow) Resolve(ctx context.Context, dst []netip.AddrPort, q backend.Query) ([]netip.AddrPort, error) {
	select {
	case <-time.After(time.Second):
		if q.Name != site || q.Port != front.Port() {
			return nil, errors.New("another question was expected")
		}
		return append(dst, s.addrs...), s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestLookup: what arrives while a name is looked up is held.
func TestLookup(t *testing.T) {
	for _, failure := range []error{nil, errors.New("SERVFAIL")} {
		inBubble(t, func(b *bubble) {
			b.Router = sniproxy.RouterFunc(func(*sniproxy.Request) (sniproxy.Decision, error) {
				return sniproxy.Decision{Site: site, Backend: &slow{fixed: fixed{addrs: servers}, err: failure}}, nil
			})
		}, func(b *bubble) {
			server, client := b.socket(servers[0]), b.client()
			b.send(client, quantum(site)...)
			b.send(client, []byte("\xe0more"))
			b.pass(1100 * time.Millisecond)
			got, _ := b.receive(server)
			if failure == nil {
				require.Equal(t, append(quantum(site), []byte("\xe0more")), got)
				return
			}
			require.Empty(t, got)
			back, _ := b.receive(client)
			requireClose(t, back[0], 0x02)
			require.ErrorIs(t, b.records[0].Err, failure)
		})
	}
}
