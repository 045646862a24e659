package serve_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

const secret64 = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

const patience = time.Minute // of machines that are busy

func xfrKey(t testing.TB) serve.Key {
	k, err := serve.ParseKey("xfr.example:" + secret64)
	require.NoError(t, err)
	return k
}

// zone is one of a serial with hosts.
func zone(t testing.TB, origin string, serial uint32, hosts ...string) *dnssec.Zone {
	var text strings.Builder
	fmt.Fprintf(&text, "@ 60 SOA ns hostmaster %d 2 2 604800 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n", serial)
	for _, h := range hosts {
		fmt.Fprintf(&text, "%s 60 A 192.0.2.2\n", h)
	}
	z, err := dnssec.ParseZone(strings.NewReader(text.String()), origin, dnssec.Options{})
	require.NoError(t, err)
	return z
}

// next is the zone with a higher serial and hosts more.
func next(t testing.TB, z *dnssec.Zone, serial uint32, hosts ...string) *dnssec.Zone {
	n, err := z.Update(func(tx *dnssec.Tx) error {
		soa := z.RRset(z.Origin(), dns.TypeSOA)
		soa[0].(*dns.SOA).Serial = serial
		for _, h := range hosts {
			rr, err := dns.NewRR(h + "." + z.Origin().String() + " 60 A 192.0.2.3")
			require.NoError(t, err)
			if err := tx.Add(rr); err != nil {
				return err
			}
		}
		return tx.Replace(soa...)
	})
	require.NoError(t, err)
	return n
}

// many are hosts.
func many(n int) (hosts []string) {
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("host%06d", i))
	}
	return hosts
}

// listen opens both on one port.
func listen(t testing.TB) (serve.Listeners, netip.AddrPort) {
	for {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			_ = tcp.Close()
			continue
		}
		return serve.Listeners{UDP: []net.PacketConn{udp}, TCP: []net.Listener{tcp}}, netip.MustParseAddrPort(tcp.Addr().String())
	}
}

// start runs a server for the test.
func start(t testing.TB, s *serve.Server) netip.AddrPort {
	l, addr := listen(t)
	run(t, s, l)
	return addr
}

// run returns how to end it, which the end of the test does too.
func run(t testing.TB, s *serve.Server, l serve.Listeners) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	var ended bool
	stop = func() {
		cancel()
		if !ended {
			ended = true
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return stop
}

// open lets everybody on loopback transfer.
func open() serve.Config {
	return serve.Config{Transfer: []serve.Access{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}}}
}

func withKey(k serve.Key) serve.Config {
	return serve.Config{Transfer: []serve.Access{{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Key: k.Name}}}
}

func text(z *dnssec.Zone) string {
	var b strings.Builder
	_, _ = z.WriteTo(&b)
	return b.String()
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 20*time.Millisecond, what)
}

// ledger is a log that keeps what a server says of transfers.
type ledger struct {
	mu  sync.Mutex // guards all
	all []entry
}

type entry struct {
	key, asked, kind string
	serial, since    uint32
}

func (l *ledger) transfers() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func (l *ledger) Enabled(context.Context, slog.Level) bool { return true }
func (l *ledger) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *ledger) WithGroup(string) slog.Handler            { return l }

func (l *ledger) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "serve: transfer" {
		return nil
	}
	var e entry
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "key":
			e.key = a.Value.String()
		case "asked":
			e.asked = a.Value.String()
		case "kind":
			e.kind = a.Value.String()
		case "serial":
			e.serial = uint32(a.Value.Uint64())
		case "since":
			e.since = uint32(a.Value.Uint64())
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
	return nil
}
