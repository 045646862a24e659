package mythic_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/internal/memnet"
)

// v2 is a client of a fake.
func v2(m *acmetest.Mythic) *mythic.V2 {
	return &mythic.V2{
		KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret,
		API: m.API(), Login: m.Login(), HTTP: m.Client(),
	}
}

// v1 is a client of a fake.
func v1(m *acmetest.Mythic) *mythic.V1 {
	return &mythic.V1{
		Passwords: map[string]mythic.Secret{"example.com": acmetest.MythicPassword},
		API:       m.V1(), HTTP: m.Client(),
	}
}

// inMemory are options of a fake that can be used in a bubble of testing/synctest.
func inMemory(t *testing.T) acmetest.MythicOptions {
	t.Helper()
	var network memnet.Network
	l, err := network.Listen(netip.MustParseAddrPort("127.0.0.1:443"))
	require.NoError(t, err)
	return acmetest.MythicOptions{Listener: l, Dial: network.DialContext}
}

func txt(name, value string) dns01.TXT { return dns01.TXT{Name: name, Value: value} }

// values are those of a zone, as "host value", in the order in which they were added.
func values(m *acmetest.Mythic, zone string) []string {
	var all []string
	for _, r := range m.Records(zone) {
		all = append(all, r.Host+" "+r.Data)
	}
	return all
}

// requests are those so far, as "METHOD path?query", without the log-ins.
func requests(m *acmetest.Mythic) []string {
	var all []string
	for _, r := range m.Requests() {
		if r.Path == "/login" {
			continue
		}
		line := r.Method + " " + strings.TrimPrefix(r.Path, "/dns/v2")
		if r.Query != "" {
			line += "?" + r.Query
		}
		all = append(all, line)
	}
	return all
}

func count(m *acmetest.Mythic, beginning string) int {
	return len(slices.DeleteFunc(requests(m), func(r string) bool { return !strings.HasPrefix(r, beginning) }))
}

// bodies is a transport that keeps the bodies of requests.
type bodies struct {
	next http.RoundTripper

	mu  sync.Mutex
	all []string // guarded by mu
}

func (b *bodies) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.all = append(b.all, string(body))
	b.mu.Unlock()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return b.next.RoundTrip(r)
}

// joined are two listeners as one.
type joined struct {
	net.Listener
	accepted chan net.Conn
	both     []net.Listener
	tasks    sync.WaitGroup
}

func join(both ...net.Listener) *joined {
	j := &joined{Listener: both[0], both: both, accepted: make(chan net.Conn)}
	for _, l := range both {
		j.tasks.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				j.accepted <- conn
			}
		})
	}
	go func() {
		j.tasks.Wait()
		close(j.accepted)
	}()
	return j
}

func (j *joined) Accept() (net.Conn, error) {
	conn, ok := <-j.accepted
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (j *joined) Close() error {
	for _, l := range j.both {
		_ = l.Close()
	}
	return nil
}

// dualStack dials a host that has the addresses of both families, with turns for those
// who do not say which. reach says which of them can be reached.
func dualStack(network *memnet.Network, v4, v6 netip.AddrPort) (dial func(context.Context, string, string) (net.Conn, error), reach func(v4, v6 bool)) {
	var mu sync.Mutex // guards what is below
	turn := 0
	up := map[string]bool{"tcp4": true, "tcp6": true}
	dial = func(ctx context.Context, family, _ string) (net.Conn, error) {
		mu.Lock()
		if family == "tcp" {
			family = []string{"tcp4", "tcp6"}[turn%2]
			turn++
			if !up[family] {
				family = []string{"tcp4", "tcp6"}[turn%2]
			}
		}
		ok := up[family]
		mu.Unlock()
		if !ok {
			return nil, syscall.ECONNREFUSED
		}
		return network.DialContext(ctx, family, map[string]netip.AddrPort{"tcp4": v4, "tcp6": v6}[family].String())
	}
	reach = func(v4, v6 bool) {
		mu.Lock()
		defer mu.Unlock()
		up["tcp4"], up["tcp6"] = v4, v6
	}
	return dial, reach
}

// logger writes to a text.
func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }
