package parent_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

var _ parent.Observer = (*parent.Poller)(nil)

// What each fault of one name server does to the facts, with and without trust
// anchors. No text means that the answer counts.
func TestFaults(t *testing.T) {
	const secure, plain = "secure", "plain"
	tests := map[dnssectest.Fault]map[string]string{
		dnssectest.None:          {},
		dnssectest.Silent:        {secure: "no answer", plain: "no answer"},
		dnssectest.ServFail:      {secure: "SERVFAIL", plain: "SERVFAIL"},
		dnssectest.Refused:       {secure: "REFUSED", plain: "REFUSED"},
		dnssectest.NXDomain:      {secure: "NXDOMAIN", plain: "NXDOMAIN"},
		dnssectest.Truncated:     {secure: "truncated", plain: "truncated"},
		dnssectest.TruncatedUDP:  {},
		dnssectest.WrongID:       {},
		dnssectest.WrongQuestion: {},
		dnssectest.OtherCase:     {},
		dnssectest.Spoofed:       {},
		dnssectest.Garbage:       {secure: "no answer to what was asked", plain: "no answer to what was asked"},
		dnssectest.NoEDNS:        {secure: "is not signed"},
		dnssectest.Lame:          {secure: "not authoritative", plain: "not authoritative"},
		dnssectest.Referral:      {secure: "referral", plain: "referral"},
		dnssectest.Forged:        {secure: "signature by key"}, // not seen without trust
		dnssectest.Stripped:      {secure: "no proof"},
		dnssectest.WrongProof:    {secure: "no proof"},
		dnssectest.Expired:       {secure: "is valid from"},
		dnssectest.Unsigned:      {secure: "is not signed"},
		dnssectest.ChildSide:     {secure: "from the parent zone", plain: "from the parent zone"},
		dnssectest.NoError:       {},
		dnssectest.Alias:         {secure: "alias", plain: "alias"},
	}
	for fault, want := range tests {
		for _, mode := range []string{secure, plain} {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, dnssectest.ParentOptions{})
				w.parent.SetFault(1, fault)
				if mode == plain {
					w.resolver.Anchors = nil
				}
				var log bytes.Buffer
				p := &parent.Poller{Resolver: w.resolver, NoIPv6: true, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
				answers, err := p.Ask(t.Context(), child)
				require.NoError(t, err, "%d %s", fault, mode)
				require.Len(t, answers, 3)
				if text := want[mode]; text != "" {
					require.ErrorContains(t, answers[1].Err, text, "%d %s", fault, mode)
					require.Empty(t, answers[1].DS)
				} else {
					require.NoError(t, answers[1].Err, "%d %s", fault, mode)
				}
				facts, err := p.Observe(t.Context(), child)
				require.NoError(t, err)
				require.Equal(t, time.Hour, facts.TTL)
				for i, server := range facts.Servers {
					require.Equal(t, i != 1 || want[mode] == "", server.Answered, "%d %s", fault, mode)
					if server.Answered && fault != dnssectest.Forged && fault != dnssectest.Stripped && fault != dnssectest.WrongProof {
						require.ElementsMatch(t, w.ds, server.DS, "%d %s", fault, mode)
					}
				}
				require.ElementsMatch(t, w.ds, facts.Servers[0].DS)
				require.Equal(t, "ns1.test. (192.0.2.1:53)", facts.Servers[0].Name)
				require.Equal(t, want[mode] != "", log.Len() > 0)
			})
		}
	}
}

// A server that is late is a server that says something else.
func TestLag(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{})
		w.parent.SetLag(2, time.Hour)
		p := &parent.Poller{Resolver: w.resolver, NoIPv6: true}
		<-time.After(2 * time.Hour)
		require.NoError(t, w.parent.Submit(t.Context(), child, []rotate.DS{digest(3)}, w.ds))
		facts, err := p.Observe(t.Context(), child)
		require.NoError(t, err)
		require.Equal(t, []rotate.DS{digest(3)}, facts.Servers[1].DS)
		require.ElementsMatch(t, w.ds, facts.Servers[2].DS)
		<-time.After(time.Hour)
		facts, err = p.Observe(t.Context(), child)
		require.NoError(t, err)
		require.Equal(t, []rotate.DS{digest(3)}, facts.Servers[2].DS)
		// The fake parent says the same without being asked on the wire.
		direct, err := w.parent.Observe(t.Context(), child)
		require.NoError(t, err)
		require.Len(t, direct.Servers, 3)
		for i := range direct.Servers {
			require.Equal(t, facts.Servers[i].DS, direct.Servers[i].DS)
		}
	})
}

// That there is no DS is validated for each way of proving it.
func TestNoDS(t *testing.T) {
	for _, denial := range []dnssec.Denial{dnssec.NSEC, dnssec.NSEC3, dnssec.NSEC3OptOut} {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, dnssectest.ParentOptions{Denial: denial})
			require.NoError(t, w.parent.Delegate("other.test.", "ns.child.test."))
			require.NoError(t, w.parent.SetDS("other.test.", digest(9)))
			require.NoError(t, w.parent.SetDS(child))
			w.parent.SetFault(1, dnssectest.WrongProof)
			p := &parent.Poller{Resolver: w.resolver, NoIPv6: true}
			facts, err := p.Observe(t.Context(), child)
			require.NoError(t, err)
			require.True(t, facts.Servers[0].Answered, denial)
			require.Empty(t, facts.Servers[0].DS)
			require.Zero(t, facts.TTL)
			require.False(t, facts.Servers[1].Answered, denial)
			// A name that is no delegation is no zone without DS.
			_, err = p.Observe(t.Context(), "ns1.test.")
			require.ErrorContains(t, err, "no delegation")
			_, err = p.Observe(t.Context(), "missing.test.")
			require.ErrorContains(t, err, "NXDOMAIN")
			if denial == dnssec.NSEC3OptOut {
				return // where a name that is not there is as good as an unsigned delegation
			}
			for i := range facts.Servers {
				w.parent.SetFault(i, dnssectest.NoError)
			}
			_, err = p.Observe(t.Context(), "missing.test.")
			require.ErrorContains(t, err, "no proof")
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{Servers: 2})
		w.resolver.Anchors = nil
		p := &parent.Poller{Resolver: w.resolver, NoIPv6: true}
		w.parent.SetFault(0, dnssectest.ServFail)
		w.parent.SetFault(1, dnssectest.Silent)
		began := time.Now()
		_, err := p.Observe(t.Context(), child)
		require.ErrorContains(t, err, "ns1.test. (192.0.2.1:53): the answer is SERVFAIL")
		require.ErrorContains(t, err, "ns2.test. (192.0.2.2:53): no answer")
		require.Equal(t, 8*time.Second, time.Since(began), "three attempts by UDP and one by TCP, of 2 s each")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Observe(ctx, child)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// A name server without an address that may be asked does not count as one that
// agrees.
func TestFamilies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{Servers: 2, Addrs: []netip.AddrPort{
			netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("[2001:db8::1]:53"),
		}})
		tests := []struct {
			name     string
			p        parent.Poller
			answered []bool
		}{
			{"both", parent.Poller{}, []bool{true, true}},
			{"only IPv4", parent.Poller{NoIPv6: true}, []bool{true, false}},
			{"only IPv6", parent.Poller{NoIPv4: true}, []bool{false, true}},
		}
		for _, tt := range tests {
			tt.p.Resolver = w.resolver
			facts, err := tt.p.Observe(t.Context(), child)
			require.NoError(t, err, tt.name)
			var answered []bool
			for _, s := range facts.Servers {
				answered = append(answered, s.Answered)
			}
			require.Equal(t, tt.answered, answered, tt.name)
		}
	})
}

func TestServersTold(t *testing.T) {
	w := newWorld(t, dnssectest.ParentOptions{})
	addrs := w.parent.Listen(t)
	p := &parent.Poller{
		Resolver: parent.Resolver{Anchors: w.parent.Anchor()},
		Servers: func(_ context.Context, zone string) (string, []parent.Server, error) {
			require.Equal(t, child, zone)
			return "TEST", []parent.Server{{Name: "one", Addrs: addrs[:2]}, {Name: "two", Addrs: addrs[2:]}}, nil
		},
	}
	facts, err := p.Observe(t.Context(), "Child.TEST") // as zones are written
	require.NoError(t, err)
	require.Len(t, facts.Servers, 3)
	for _, s := range facts.Servers {
		require.True(t, s.Answered)
		require.ElementsMatch(t, w.ds, s.DS)
	}
	p.Servers = func(context.Context, string) (string, []parent.Server, error) { return "test.", nil, nil }
	_, err = p.Observe(t.Context(), child)
	require.ErrorContains(t, err, "returned none")
}

func TestRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{})
		p := &parent.Poller{Resolver: w.resolver}
		for _, zone := range []string{".", "", "a..b"} {
			_, err := p.Observe(t.Context(), zone)
			require.Error(t, err, zone)
		}
		p.Resolver.Servers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.99:53")}
		_, err := p.Observe(t.Context(), child)
		require.ErrorContains(t, err, "connection refused")
		// Another key is trusted.
		p.Resolver = w.resolver
		p.Resolver.Anchors = map[string][]rotate.DS{"test.": {digest(1)}}
		_, err = p.Observe(t.Context(), child)
		require.ErrorContains(t, err, "no DNSKEY of test. is one that is trusted")
		// Nothing above is trusted.
		p.Resolver.Anchors = map[string][]rotate.DS{"example.": {digest(1)}}
		_, err = p.Observe(t.Context(), child)
		require.Error(t, err)
	})
}

// From the root down, and with the parent two labels above the child.
func TestChain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		now := time.Now()
		w := newWorld(t, dnssectest.ParentOptions{})
		require.NoError(t, w.parent.Delegate("deep.below.test.", "ns.child.test."))
		require.NoError(t, w.parent.SetDS("deep.below.test.", digest(7)))
		root := newSigner(t, ".", ". 3600 SOA a.root. h.root. 1 2 3 4 5\n. NS a.root.\ntest. NS ns1.test.\n", now)
		root.change(t, now, func(tx *dnssec.Tx) error {
			return tx.Add(parent.ToRR("test.", 3600, w.parent.Anchor()["test."][0]))
		})
		w.net.Handle(recursor, dnssectest.Recursive(root.current, w.parent.Zone))
		w.resolver.Anchors = map[string][]rotate.DS{".": root.ds}
		p := &parent.Poller{Resolver: w.resolver, NoIPv6: true}
		facts, err := p.Observe(t.Context(), "deep.below.test.")
		require.NoError(t, err)
		for _, s := range facts.Servers {
			require.Equal(t, []rotate.DS{digest(7)}, s.DS)
		}
		// A link that is broken is no trust.
		root.change(t, now, func(tx *dnssec.Tx) error {
			tx.RemoveRRset(name(t, "test."), dns.TypeDS)
			return nil
		})
		_, err = p.Observe(t.Context(), child)
		require.ErrorContains(t, err, "no chain of DS records")
		root.change(t, now.AddDate(-1, 0, 0), func(tx *dnssec.Tx) error {
			return tx.Add(parent.ToRR("test.", 3600, w.parent.Anchor()["test."][0]))
		})
		_, err = p.Observe(t.Context(), child)
		require.ErrorContains(t, err, "is valid from")
	})
}
