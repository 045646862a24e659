package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/filestore"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	dsparent "github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

const (
	processEnv    = "HOSTKIT_TEST_SIGNER" // the folder of a signer, in a process of its own
	processOrigin = "child.test."
	processSecret = "bWVkaXVtIHNlY3JldCBmb3IgdXBkYXRlcw=="
)

// setting is what a signer needs to know.
type setting struct {
	Dir     string
	Addr    string
	Servers []netip.AddrPort
	Anchors map[string][]rotate.DS
}

func TestMain(m *testing.M) {
	if text := os.Getenv(processEnv); text != "" {
		var s setting
		err := json.Unmarshal([]byte(text), &s)
		if err == nil {
			err = s.run(context.Background())
		}
		fmt.Fprintln(os.Stderr, "signer:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func (s setting) path(name string) string { return filepath.Join(s.Dir, name) }

// run is a signer of real parts: it signs the zone, rolls its KSK once it is signed, and
// does not end.
func (s setting) run(ctx context.Context) error {
	store, err := filestore.New(s.path("store"))
	if err != nil {
		return err
	}
	poller := &dsparent.Poller{
		Resolver: dsparent.Resolver{Anchors: s.Anchors, Servers: s.Servers},
		Servers: func(context.Context, string) (string, []dsparent.Server, error) {
			var servers []dsparent.Server
			for _, addr := range s.Servers {
				servers = append(servers, dsparent.Server{Name: addr.String(), Addrs: []netip.AddrPort{addr}})
			}
			return "test.", servers, nil
		},
	}
	driver := &dsparent.Update{Server: s.Servers[0], Zone: "test.", Key: dsparent.TSIG{Name: "up.test.", Secret: processSecret}, TTL: 1, Observer: poller}
	server := &serve.Server{Default: serve.Config{Transfer: []serve.Access{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}}}}
	m := &manager.Manager{
		Keys: dnssec.KeyFiles{Path: s.path("keys")}, Store: store, Zones: manager.ZoneFiles{Path: s.path("zones")},
		Publisher: server, Parent: func(string) manager.Parent { return driver },
		PollDS: 50 * time.Millisecond, Retry: 50 * time.Millisecond,
	}
	failed := make(chan error, 3)
	go func() { failed <- server.ListenAndServe(ctx, s.Addr) }()
	go func() { failed <- m.Run(ctx) }()
	go func() { failed <- s.operate(ctx, m) }()
	return <-failed
}

// operate is a person who wants the zone signed and a roll of its KSK. That it was asked
// for is in a file.
func (s setting) operate(ctx context.Context, m *manager.Manager) error {
	text := "@ 1 SOA ns h 1 60 60 600 1\n@ 1 NS ns\nns 1 A 192.0.2.1\nd 1 NS ns.d\nns.d 1 A 192.0.2.2\n"
	z, err := dnssec.ParseZone(strings.NewReader(text), processOrigin, dnssec.Options{})
	if err != nil {
		return err
	}
	if err := m.SetZone(ctx, z); err != nil {
		return err
	}
	st, err := m.Status(ctx, processOrigin)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !st.Enabled {
		if err := m.Enable(ctx, processOrigin, manager.Policy{Policy: rotate.Policy{
			DNSKEYTTL: time.Second, DSTTL: time.Second,
			ZonePropagation: -1, ParentPropagation: -1, PublishSafety: -1, RetireSafety: -1,
		}}); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		st, err := m.Status(ctx, processOrigin)
		if err != nil {
			return err
		}
		if _, err := os.Stat(s.path("roll")); err == nil && st.Phase == "signed" && st.Problem == nil {
			if err := errors.Join(m.Roll(ctx, processOrigin, rotate.Roll{Role: rotate.KSK}), os.Remove(s.path("roll"))); err != nil {
				return err
			}
		}
		<-time.After(20 * time.Millisecond)
	}
	return context.Cause(ctx)
}

// lab is a signer in a process that is killed again and again, and who looks at it.
type lab struct {
	t      *testing.T
	s      setting
	parent *dnssectest.Parent
	cmd    *exec.Cmd
	last   *dnssec.Zone
	bad    error
}

func (l *lab) start() {
	text, err := json.Marshal(l.s)
	require.NoError(l.t, err)
	l.cmd = exec.Command(os.Args[0])
	l.cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	l.cmd.Stderr = os.Stderr
	require.NoError(l.t, l.cmd.Start())
}

func (l *lab) kill() {
	require.NoError(l.t, l.cmd.Process.Kill())
	require.ErrorContains(l.t, l.cmd.Wait(), "killed", "it did not end by itself")
}

// look fetches the zone, and verifies it by the DS of the parent. Nobody may be there.
func (l *lab) look() {
	ds := l.parent.DS(processOrigin)
	z, err := serve.Fetch(l.t.Context(), processOrigin, nil, serve.Primary{Addr: netip.MustParseAddrPort(l.s.Addr)}, serve.FetchLimits{})
	if err != nil {
		return
	}
	if l.last != nil && int32(z.Serial()-l.last.Serial()) < 0 {
		l.bad = fmt.Errorf("serial %d after %d", z.Serial(), l.last.Serial())
	}
	l.last = z
	if len(ds) == 0 && len(z.RRset(z.Origin(), dns.TypeDNSKEY)) == 0 {
		return // not signed yet
	}
	var trust []*dns.DS
	for _, d := range ds {
		trust = append(trust, &dns.DS{Hdr: dns.RR_Header{Name: processOrigin, Rrtype: dns.TypeDS, Class: dns.ClassINET},
			KeyTag: d.Tag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: d.Digest})
	}
	l.bad = errors.Join(l.bad, dnssec.Verify(l.t.Context(), z, dnssec.VerifyOptions{DS: trust}))
}

// until looks until something is so.
func (l *lab) until(what string, is func() bool) {
	l.t.Helper()
	require.Eventually(l.t, func() bool { l.look(); return l.bad != nil || l.last != nil && is() }, time.Minute, 20*time.Millisecond, what)
	require.NoError(l.t, l.bad, what)
}

func (l *lab) keys() int { return len(l.last.RRset(l.last.Origin(), dns.TypeDNSKEY)) }

// A process of real parts is killed in the middle of its first signing and of a roll of the
// KSK: with files, a name server, and a parent that is updated and asked on the wire.
func TestKilledProcess(t *testing.T) {
	p := dnssectest.NewParent(t, dnssectest.ParentOptions{DSTTL: 1, KeyName: "up.test.", KeySecret: processSecret})
	require.NoError(t, p.Delegate(processOrigin, "ns.child.test."))
	l := &lab{t: t, parent: p, s: setting{Dir: t.TempDir(), Addr: freeAddr(t), Servers: p.Listen(t), Anchors: p.Anchor()}}
	for _, dir := range []string{"keys", "zones"} {
		require.NoError(t, os.Mkdir(l.s.path(dir), 0o700))
	}
	l.start()
	t.Cleanup(func() { _ = l.cmd.Process.Kill() })
	again := func() { l.kill(); l.start() }
	l.until("the zone, as it is", func() bool { return true })
	again()
	l.until("the keys", func() bool { return l.keys() == 2 })
	again()
	l.until("the DS", func() bool { return len(p.DS(processOrigin)) == 1 })
	again()

	old := p.DS(processOrigin)[0]
	require.NoError(t, os.WriteFile(l.s.path("roll"), nil, 0o600))
	l.until("the roll begun", func() bool { _, err := os.Stat(l.s.path("roll")); return err != nil })
	again()
	again() // before it is ready
	l.until("the new key", func() bool { return l.keys() == 3 || !slices.Contains(p.DS(processOrigin), old) })
	again()
	l.until("the new DS", func() bool { return !slices.Contains(p.DS(processOrigin), old) })
	again()
	l.until("the old key gone", func() bool { return l.keys() == 2 })
	again()
	l.until("its file gone", func() bool {
		files, err := filepath.Glob(l.s.path("keys/*.private"))
		return err == nil && len(files) == 2
	})
	require.Len(t, p.DS(processOrigin), 1)
	l.kill()
}

// freeAddr is one of this machine where nobody listens.
func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
