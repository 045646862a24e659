package realtest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/filestore"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// patience is for machines with much else to do.
const patience = 3 * time.Minute

const childText = `$TTL 2
@ SOA ns h 1 60 60 600 2
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
*.wild A 192.0.2.2
`

// shop is a zone with its signer, its parent in BIND, and resolvers that ask all the
// time.
type shop struct {
	t          *testing.T
	m          *manager.Manager
	server     netip.AddrPort
	parent     *bindParent
	validators []*validator
}

func newShop(t *testing.T) *shop {
	peer.Need(t, "named", "unbound", "pdns_recursor", "delv")
	l := listeners(t)
	s := &shop{t: t, server: netip.MustParseAddrPort(l.UDP[0].LocalAddr().String())}
	s.parent = newBINDParent(t, s.server)
	store, err := filestore.New(filepath.Join(t.TempDir(), "store"))
	require.NoError(t, err)
	server := &serve.Server{Log: slog.New(slog.DiscardHandler)}
	s.m = &manager.Manager{
		Keys: dnssec.KeyFiles{Path: t.TempDir()}, Store: store, Zones: manager.ZoneFiles{Path: t.TempDir()},
		Publisher: server, PollDS: 300 * time.Millisecond, CheckDS: time.Second, Retry: time.Second,
		Parent: func(string) manager.Parent {
			return &parent.CDSOnly{Observer: &parent.Poller{
				Servers: func(context.Context, string) (string, []parent.Server, error) {
					return parentZone, []parent.Server{{Name: "ns.test.", Addrs: []netip.AddrPort{s.parent.server.Addr}}}, nil
				},
			}}
		},
	}
	anchors := s.parent.anchors()
	s.validators = validators(t, anchors, s.parent.server.Addr, s.server)

	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = server.Serve(ctx, l) })
	all.Go(func() { _ = s.m.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		all.Wait()
		require.NoError(t, store.Close())
	})
	zone, err := dnssec.ParseZone(strings.NewReader(childText), childZone, dnssec.Options{})
	require.NoError(t, err)
	require.NoError(t, s.m.SetZone(t.Context(), zone))
	all.Go(func() { s.parent.watch(ctx) })
	for _, v := range s.validators {
		all.Go(func() { v.run(ctx) })
	}
	return s
}

// listeners are a UDP and a TCP socket of one port.
func listeners(t *testing.T) serve.Listeners {
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return serve.Listeners{UDP: []net.PacketConn{udp}, TCP: []net.Listener{tcp}}
		}
		tcp.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return serve.Listeners{}
}

// policy has waits of seconds.
func quick(scheme rotate.Scheme, algorithm uint8) manager.Policy {
	return manager.Policy{Policy: rotate.Policy{
		Scheme: scheme, Algorithm: algorithm,
		DNSKEYTTL: ttl * time.Second, NegativeTTL: ttl * time.Second, MaxZoneTTL: ttl * time.Second, DSTTL: ttl * time.Second,
		ZonePropagation: -1, ParentPropagation: -1, PublishSafety: time.Second, RetireSafety: time.Second,
	}}
}

func (s *shop) status() manager.Status {
	st, err := s.m.Status(s.t.Context(), childZone)
	require.NoError(s.t, err)
	return st
}

// settle waits until nothing is under way, and the keys are new if they are to be.
func (s *shop) settle(what string, done func(manager.Status) bool) {
	s.t.Helper()
	began := time.Now()
	if !assertEventually(func() bool {
		st := s.status()
		return !st.Halted && done(st)
	}) {
		s.t.Fatalf("%s: not after %v:\n%v\n%v", what, patience, s.status(), s.parent.complaints())
	}
	s.t.Logf("%s: %v", what, time.Since(began).Round(100*time.Millisecond))
}

func assertEventually(ok func() bool) bool {
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		if ok() {
			return true
		}
		<-time.After(50 * time.Millisecond)
	}
	return false
}

// secure waits until all resolvers find everything secure, and wants that from then on.
func (s *shop) secure() {
	s.t.Helper()
	for _, v := range s.validators {
		require.True(s.t, assertEventually(func() bool { return v.secure.Load() >= int64(2*len(questions)) }), v.name)
		v.require(true)
	}
}

// ids are the keys that are there, of any use.
func ids(st manager.Status) []string {
	var out []string
	for _, k := range st.Keys {
		out = append(out, k.ID)
	}
	return out
}

// replaced says whether a zone is settled, and one of its keys is another.
func replaced(before []string, role rotate.Role) func(manager.Status) bool {
	return func(st manager.Status) bool {
		return st.Phase == "signed" && !slices.ContainsFunc(st.Keys, func(k rotate.KeyStatus) bool {
			return k.Role == role && slices.Contains(before, k.ID)
		})
	}
}

// Every kind of roll, one after another, while resolvers ask all the time: no answer is
// bogus, and none but secure, from when the zone is until it is not to be.
func TestRealRolls(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	require.NoError(t, s.m.Enable(ctx, childZone, quick(rotate.KSKZSK, 13)))
	s.settle("signed", func(st manager.Status) bool { return st.Phase == "signed" })
	s.secure()

	roll := func(name string, role rotate.Role, r rotate.Roll) {
		before := ids(s.status())
		require.NoError(t, s.m.Roll(ctx, childZone, r))
		s.settle(name, replaced(before, role))
		s.good()
	}
	roll("ZSK", rotate.ZSK, rotate.Roll{Role: rotate.ZSK})
	roll("KSK, double KSK", rotate.KSK, rotate.Roll{Role: rotate.KSK})

	change := func(name string, p manager.Policy, done func(manager.Status) bool) {
		require.NoError(t, s.m.Enable(ctx, childZone, p))
		s.settle(name, done)
		s.good()
	}
	doubleDS := quick(rotate.KSKZSK, 13)
	doubleDS.KSKMethod = rotate.DoubleDS
	require.NoError(t, s.m.Enable(ctx, childZone, doubleDS))
	roll("KSK, double DS", rotate.KSK, rotate.Roll{Role: rotate.KSK})
	roll("KSK, emergency", rotate.KSK, rotate.Roll{Role: rotate.KSK, Emergency: true})

	only := func(scheme []rotate.Role, alg uint8) func(manager.Status) bool {
		return func(st manager.Status) bool {
			for _, k := range st.Keys {
				if k.Algorithm != alg || !slices.Contains(scheme, k.Role) {
					return false
				}
			}
			return st.Phase == "signed" && len(st.Keys) == len(scheme)
		}
	}
	change("KSK and ZSK to CSK", quick(rotate.SingleKey, 13), only([]rotate.Role{rotate.CSK}, 13))
	roll("CSK", rotate.CSK, rotate.Roll{Role: rotate.CSK})
	change("algorithm 13 to 15", quick(rotate.SingleKey, 15), only([]rotate.Role{rotate.CSK}, 15))
	nsec3 := quick(rotate.SingleKey, 15)
	nsec3.Denial = dnssec.NSEC3
	change("NSEC to NSEC3", nsec3, func(st manager.Status) bool { return s.hasNSEC3() })
	change("CSK to KSK and ZSK, algorithm 8", quick(rotate.KSKZSK, 8), only([]rotate.Role{rotate.KSK, rotate.ZSK}, 8))
	require.Empty(t, s.parent.complaints(), "by BIND's own tools")

	for _, v := range s.validators {
		v.require(false) // but never SERVFAIL
	}
	require.NoError(t, s.m.Disable(ctx, childZone))
	s.settle("insecure", func(st manager.Status) bool { return st.Phase == "unsigned" })
	s.good()
	require.Empty(t, s.parent.ds())
	for _, v := range s.validators {
		t.Logf("%s was asked %d times", v.name, v.asked.Load())
		require.Greater(t, v.asked.Load(), int64(200), v.name)
	}
}

func (s *shop) hasNSEC3() bool {
	r := ask(s.t, s.server, "nothing."+childZone, dns.TypeA)
	return slices.ContainsFunc(r.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeNSEC3 })
}

// good is how everything is after a roll, also to delv, which asks the signer itself.
func (s *shop) good() {
	s.t.Helper()
	for _, v := range s.validators {
		v.requireGood(s.t)
	}
	var anchors []string
	for _, d := range s.parent.ds() {
		anchors = append(anchors, d.String())
	}
	if len(anchors) == 0 {
		return
	}
	said := dnspeer.Delv(s.t, s.server, childZone, anchors, "www."+childZone, "A")
	require.Contains(s.t, said, "; fully validated", fmt.Sprint(anchors))
}
