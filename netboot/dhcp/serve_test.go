package dhcp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

// wire is a transport in memory. It keeps what was done and when.
type wire struct {
	in     chan dhcp.Packet
	before func(dhcp.Action) error // asked before an action is done; may be nil

	mu   sync.Mutex
	done []did
}

type did struct {
	at time.Time
	dhcp.Action
}

func newWire() *wire { return &wire{in: make(chan dhcp.Packet)} }

func (w *wire) Recv(ctx context.Context) (dhcp.Packet, error) {
	select {
	case p, ok := <-w.in:
		if !ok {
			return p, net.ErrClosed
		}
		return p, nil
	case <-ctx.Done():
		return dhcp.Packet{}, ctx.Err()
	}
}

func (w *wire) Do(_ context.Context, _ int, a dhcp.Action) error {
	if w.before != nil {
		if err := w.before(a); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = append(w.done, did{time.Now(), a})
	return nil
}

func (w *wire) Close() error { return nil }

// take returns what was done since the last take and is kept.
func (w *wire) take(keep func(dhcp.Action) bool) (out []did) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.done {
		if keep(d.Action) {
			out = append(out, d)
		}
	}
	w.done = nil
	return out
}

func isFrame(a dhcp.Action) bool    { return a.Frame != nil }
func isNeighbor(a dhcp.Action) bool { return a.Neighbor != nil }
func isReply(a dhcp.Action) bool    { return a.Payload != nil }

// events keeps the kinds of what it observes.
type events struct {
	mu    sync.Mutex
	kinds []netboot.EventKind
}

func (e *events) Observe(ev netboot.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kinds = append(e.kinds, ev.Kind)
}

func (e *events) take() []netboot.EventKind {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.kinds
	e.kinds = nil
	return k
}

// serving runs Serve in a bubble and gives test the handler's wire.
func serving(t *testing.T, h *dhcp.Handler, test func(t *testing.T, w *wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- dhcp.Serve(ctx, w, h) }()
		test(t, w)
		cancel()
		require.NoError(t, <-ended)
	})
}

func (r request) now() dhcp.Packet {
	p := r.packet()
	p.At = time.Now()
	return p
}

var romDiscover = request{mac: piMAC, iface: "pi17", kind: discover, mods: []dhcpv4.Modifier{piROM}}

func TestNudge(t *testing.T) {
	seen := new(events)
	h := newHandler(t)
	h.Observer = seen
	serving(t, h, func(t *testing.T, w *wire) {
		start := time.Now()
		w.in <- romDiscover.now()
		pass(3 * time.Second)
		frames := w.take(isFrame)
		require.Len(t, frames, 2)
		require.Equal(t, 600*time.Millisecond, frames[0].at.Sub(start))
		require.Equal(t, 1200*time.Millisecond, frames[1].at.Sub(start))
		f := frames[0].Frame
		require.Equal(t, []byte(piMAC), f[:6])
		require.Equal(t, []byte{0x08, 0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, f[12:20])
		require.Len(t, f, 14+6+96)
		require.Equal(t, []byte(piMAC), f[110:])
		require.Equal(t, []netboot.EventKind{netboot.Discovered, netboot.Offered, netboot.Nudged, netboot.Nudged}, seen.take())
		require.EqualValues(t, 2, h.Stats().Nudges)
	})
}

func TestNudgeCalledOff(t *testing.T) {
	addr := netip.MustParseAddr("10.80.0.66")
	for _, tt := range []struct {
		name string
		act  func(h *dhcp.Handler, w *wire)
		want int
	}{
		{"first file", func(h *dhcp.Handler, _ *wire) { h.FileRequested("pi17", addr) }, 1},
		{"first file, observed", func(h *dhcp.Handler, _ *wire) {
			h.Observe(netboot.Event{Kind: netboot.FileProgress, Client: netboot.Client{Interface: "pi17"}, Addr: addr})
		}, 1},
		{"another's file", func(h *dhcp.Handler, _ *wire) { h.FileRequested("pi18", addr) }, 2},
		{"other event", func(h *dhcp.Handler, _ *wire) {
			h.Observe(netboot.Event{Kind: netboot.Offered, Client: netboot.Client{Interface: "pi17"}, Addr: addr})
		}, 2},
		{"another DISCOVER", func(_ *dhcp.Handler, w *wire) { w.in <- romDiscover.now() }, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHandler(t)
			serving(t, h, func(t *testing.T, w *wire) {
				w.in <- romDiscover.now()
				pass(time.Second) // the first is sent
				tt.act(h, w)
				pass(4 * time.Second)
				require.Len(t, w.take(isFrame), tt.want)
			})
		})
	}
}

func TestNudgeAndPinSwitchedOff(t *testing.T) {
	h := newHandler(t)
	h.NoNudge, h.NoPin = true, true
	serving(t, h, func(t *testing.T, w *wire) {
		w.in <- romDiscover.now()
		pass(time.Minute)
		require.Len(t, w.take(func(dhcp.Action) bool { return true }), 1, "the OFFER alone")
	})
}

func TestNoCureForOthers(t *testing.T) {
	h := newHandler(t)
	serving(t, h, func(t *testing.T, w *wire) {
		w.in <- request{mac: pcMAC, iface: "br0", kind: discover, mods: []dhcpv4.Modifier{class(7, "PXEClient", "")}}.now()
		pass(time.Minute)
		require.Len(t, w.take(func(dhcp.Action) bool { return true }), 1)
	})
}

func TestPin(t *testing.T) {
	h := newHandler(t)
	serving(t, h, func(t *testing.T, w *wire) {
		w.in <- romDiscover.now()
		synctest.Wait()
		first := w.take(func(dhcp.Action) bool { return true })
		require.NotNil(t, first[0].Neighbor, "pinned before the OFFER goes out")
		require.Equal(t, "10.80.0.66", first[0].Neighbor.Addr.String())
		require.Equal(t, piMAC, first[0].Neighbor.MAC)
		pass(45 * time.Second)
		pins := w.take(isNeighbor)
		require.Len(t, pins, 4, "it does not get as old as the kernel's patience")
		for _, p := range pins {
			require.False(t, p.Neighbor.Release)
		}
		w.in <- request{mac: piMAC, iface: "pi17", kind: req, mods: []dhcpv4.Modifier{
			wants("10.80.0.66"), serverID("10.80.0.65"), func(m *dhcpv4.DHCPv4) { m.TransactionID[0] = 99 },
		}}.now()
		pass(5 * time.Minute)
		after := w.take(isNeighbor)
		require.Len(t, after, 1, "the operating system speaks ARP itself")
		require.True(t, after[0].Neighbor.Release)
	})
	serving(t, h, func(t *testing.T, w *wire) {
		w.in <- romDiscover.now()
		pass(time.Hour)
		pins := w.take(isNeighbor)
		require.Len(t, pins, 13)
		require.True(t, pins[12].Neighbor.Release, "a boot that came to nothing is let go")
	})
}

// An acknowledgement is on the disk before it is on the wire.
func TestAckWaitsForJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	h := journaled(t, path)
	w := newWire()
	replied := make(chan dhcpv4.MessageType, 100)
	w.before = func(a dhcp.Action) error {
		if a.Reply == nil {
			return nil
		}
		if a.Reply.MessageType() == ack {
			b, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(b), "bound "+a.Reply.YourIPAddr.String()+" ") {
				replied <- none
				return errors.New("too early")
			}
		}
		replied <- a.Reply.MessageType()
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- dhcp.Serve(ctx, w, h) }()
	for i := range 3 {
		w.in <- request{mac: poolMAC(i), iface: "br0", kind: discover}.packet()
		require.Equal(t, dhcpv4.MessageTypeOffer, <-replied)
		w.in <- request{mac: poolMAC(i), iface: "br0", kind: req, mods: []dhcpv4.Modifier{wants("10.81.0.1" + string(rune('0'+i))), serverID("10.81.0.1")}}.packet()
		require.Equal(t, ack, <-replied)
	}
	require.EqualValues(t, 3, h.Stats().Syncs)
	cancel()
	require.NoError(t, <-ended)
	require.Zero(t, h.Stats().Unsent)
}

func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		ended := make(chan error)
		go func() { ended <- dhcp.Serve(t.Context(), w, newHandler(t)) }()
		w.in <- romDiscover.now()
		synctest.Wait()
		close(w.in)
		require.ErrorIs(t, <-ended, net.ErrClosed)
		require.Len(t, w.take(isReply), 1)
	})
}

func TestTransportErrorIsCounted(t *testing.T) {
	h := newHandler(t)
	seen := new(events)
	h.Observer = seen
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.before = func(a dhcp.Action) error { return errors.New("no route") }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- dhcp.Serve(ctx, w, h) }()
		w.in <- request{mac: pcMAC, iface: "br0", kind: discover}.now()
		synctest.Wait()
		require.EqualValues(t, 1, h.Stats().Unsent)
		require.Equal(t, []netboot.EventKind{netboot.Discovered}, seen.take(), "what was not sent did not happen")
		cancel()
		require.NoError(t, <-ended)
	})
}

// pass lets d go by on a bubble's clock.
func pass(d time.Duration) { <-time.After(d) }
