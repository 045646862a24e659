package parent_test

import (
	"fmt"
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

// dsyncText is a line of a zone file with a DSYNC.
func dsyncText(t testing.TB, owner string, d parent.DSYNC) string {
	t.Helper()
	rr, err := d.RR(owner, 3600)
	require.NoError(t, err)
	return rr.String() + "\n"
}

var scanner = parent.DSYNC{Type: dns.TypeCDS, Scheme: parent.SchemeNotify, Port: 53, Target: "ns1.test."}

// Where DSYNC records may be, and which question finds each.
func TestDSYNC(t *testing.T) {
	other := parent.DSYNC{Type: dns.TypeCSYNC, Scheme: 1, Port: 5359, Target: "ns2.test."}
	scheme := scanner
	scheme.Scheme = 7
	twice := scanner
	twice.Port = 54
	tests := []struct {
		name, zone string
		records    string
		want       *parent.DSYNC
		err        string
	}{
		{"none", child, "", nil, ""},
		{"wildcard", child, dsyncText(t, "*._dsync.test.", scanner), &scanner, ""},
		{"of the child", child, dsyncText(t, "child._dsync.test.", scanner) + dsyncText(t, "*._dsync.test.", other), &scanner, ""},
		{"without wildcard", child, dsyncText(t, "_dsync.test.", scanner), &scanner, ""},
		{"far below", "deep.below.test.", dsyncText(t, "deep.below._dsync.test.", scanner), &scanner, ""},
		{"far below, wildcard", "deep.below.test.", dsyncText(t, "*._dsync.test.", scanner), &scanner, ""},
		{"far below, without", "deep.below.test.", dsyncText(t, "_dsync.test.", scanner), &scanner, ""},
		{"of another type", child, dsyncText(t, "*._dsync.test.", other), nil, ""},
		{"of another scheme", child, dsyncText(t, "*._dsync.test.", scheme), nil, ""},
		{"beside others", child, dsyncText(t, "*._dsync.test.", scheme) + dsyncText(t, "*._dsync.test.", other) + dsyncText(t, "*._dsync.test.", scanner), &scanner, ""},
		{"two", child, dsyncText(t, "*._dsync.test.", twice) + dsyncText(t, "*._dsync.test.", scanner), nil, "has two of them"},
		{"broken", child, "*._dsync.test. TYPE66 \\# 3 003B01\n", nil, "too short"},
	}
	for _, tt := range tests {
		for _, denial := range []dnssec.Denial{dnssec.NSEC, dnssec.NSEC3} {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, dnssectest.ParentOptions{Records: tt.records, Denial: denial})
				got, err := w.resolver.DSYNC(t.Context(), tt.zone, dns.TypeCDS)
				if tt.err != "" {
					require.ErrorContains(t, err, tt.err, tt.name)
					return
				}
				require.NoError(t, err, tt.name)
				require.Equal(t, tt.want, got, tt.name)
			})
		}
	}
}

func TestNotify(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{Records: dsyncText(t, "*._dsync.test.", scanner)})
		s := newSigner(t, child, "@ 3600 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.9\nCDS\n", time.Now())
		w.parent.SetChild(child, dnssectest.ZoneServer(s.current))
		require.NoError(t, w.parent.SetDS(child, s.ds[0], digest(5))) // the old one is to go
		n := &parent.Notify{Resolver: w.resolver, Observer: w.parent, Agent: "report.ns1.child.test."}

		require.NoError(t, n.Submit(t.Context(), child, nil, nil))
		require.Empty(t, w.parent.Scans())
		for range 3 {
			require.NoError(t, n.Submit(t.Context(), child, nil, []rotate.DS{digest(5)}))
		}
		require.Equal(t, []dnssectest.Scanned{{Zone: child}}, w.parent.Scans(), "once for a change")
		facts, err := n.Observe(t.Context(), child)
		require.NoError(t, err)
		require.Equal(t, s.ds, facts.Servers[0].DS)

		<-time.After(time.Hour)
		require.NoError(t, n.Submit(t.Context(), child, nil, []rotate.DS{digest(5)}))
		require.Len(t, w.parent.Scans(), 2)
		require.NoError(t, n.Submit(t.Context(), child, []rotate.DS{digest(6)}, nil))
		require.Len(t, w.parent.Scans(), 3)
	})
}

// What was sent is remembered of each zone for itself, for as long as is said, and
// only if it was taken.
func TestNotifyAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{Records: dsyncText(t, "*._dsync.test.", scanner)})
		require.NoError(t, w.parent.Delegate("other.test.", "ns.child.test."))
		fail, calls := false, 0
		w.net.Handle(primary, func(_ string, packet []byte) [][]byte {
			m := new(dns.Msg)
			require.NoError(t, m.Unpack(packet))
			calls++
			r := new(dns.Msg).SetReply(m)
			if fail {
				r.Rcode = dns.RcodeServerFailure
			}
			out, err := r.Pack()
			require.NoError(t, err)
			return [][]byte{out}
		})
		now := time.Unix(1e9, 0)
		n := &parent.Notify{Resolver: w.resolver, Again: time.Minute, Now: func() time.Time { return now }}
		submit := func(zone string, want int, add ...rotate.DS) {
			t.Helper()
			before := calls
			require.NoError(t, n.Submit(t.Context(), zone, add, nil))
			require.Equal(t, want, calls-before)
		}
		submit(child, 1, digest(1), digest(2))
		submit("CHILD.test", 0, digest(2), digest(1))
		submit("other.test.", 1, digest(1), digest(2))
		now = now.Add(time.Minute - time.Nanosecond)
		submit(child, 0, digest(1), digest(2))
		now = now.Add(time.Nanosecond)
		submit(child, 1, digest(1), digest(2))
		submit(child, 1, digest(3)) // another change
		submit(child, 1, digest(1), digest(2))

		fail = true
		require.ErrorContains(t, n.Submit(t.Context(), child, []rotate.DS{digest(4)}, nil), "SERVFAIL")
		fail = false
		submit(child, 1, digest(4))
		submit(child, 0, digest(4))
	})
}

func TestNotifyFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, dnssectest.ParentOptions{Records: dsyncText(t, "*._dsync.test.", scanner)})
		n := &parent.Notify{Resolver: w.resolver}
		add := []rotate.DS{digest(6)}
		err := n.Submit(t.Context(), child, add, nil) // nobody told the parent where it is
		require.ErrorContains(t, err, `ns1.test. (192.0.2.1:53): the answer is REFUSED: Not Authoritative ("no child of test.")`)
		n.Agent = "a..b"
		require.ErrorContains(t, n.Submit(t.Context(), child, add, nil), "agent")
		n.Agent = ""
		w.parent.SetFault(0, dnssectest.Silent)
		require.ErrorContains(t, n.Submit(t.Context(), child, add, nil), "no answer")
		require.Error(t, n.Submit(t.Context(), "a..b", add, nil))

		// A parent that wants no NOTIFY is no error.
		quiet := newWorld(t, dnssectest.ParentOptions{})
		require.NoError(t, (&parent.Notify{Resolver: quiet.resolver}).Submit(t.Context(), child, add, nil))
	})
}

// The message has the form of RFC 9859, section 4, and no two addresses get it when
// the first takes it.
func TestNotifyMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		two := scanner
		two.Target, two.Port = "scan.test.", 5359
		w := newWorld(t, dnssectest.ParentOptions{
			Records: dsyncText(t, "*._dsync.test.", two) + "scan A 192.0.2.80\nscan A 192.0.2.81\nscan AAAA 2001:db8::80\n",
		})
		var got []*dns.Msg
		for i, addr := range []string{"192.0.2.81:5359", "[2001:db8::80]:5359"} {
			w.net.Handle(netip.MustParseAddrPort(addr), func(_ string, packet []byte) [][]byte {
				m := new(dns.Msg)
				require.NoError(t, m.Unpack(packet))
				got = append(got, m)
				if i == 0 {
					return nil // 192.0.2.80 refuses connections, and this one is silent
				}
				out, err := new(dns.Msg).SetReply(m).Pack()
				require.NoError(t, err)
				return [][]byte{out}
			})
		}
		n := &parent.Notify{Resolver: w.resolver, Agent: "agent.example."}
		require.NoError(t, n.Send(t.Context(), child))
		last := got[len(got)-1]
		require.Equal(t, dns.OpcodeNotify, last.Opcode)
		require.True(t, last.Authoritative)
		require.Equal(t, []dns.Question{{Name: child, Qtype: dns.TypeCDS, Qclass: dns.ClassINET}}, last.Question)
		require.Equal(t, "agent.example.", last.IsEdns0().Option[0].(*dns.EDNS0_REPORTING).AgentDomain)
		require.Len(t, got, 5, "four times the silent one, once the one that answers")
	})
}

func TestDSYNCText(t *testing.T) {
	require.Equal(t, "CDS NOTIFY 53 ns1.test.", scanner.String())
	require.Equal(t, "CSYNC 9 1 a.", parent.DSYNC{Type: dns.TypeCSYNC, Scheme: 9, Port: 1, Target: "a."}.String())
	_, err := parent.DSYNC{Target: "a..b"}.RR("_dsync.test.", 1)
	require.Error(t, err)
	for _, rdata := range []string{"", "\x00\x3b\x01\x00\x35", "\x00\x3b\x01\x00\x35\xc0\x00", "\x00\x3b\x01\x00\x35\x01a\x00x", "\x00\x3b\x01\x00\x35\x01a"} {
		_, err := parent.ParseDSYNC([]byte(rdata))
		require.Error(t, err, fmt.Sprintf("%q", rdata))
	}
}

// FuzzDSYNC: what is read is written as the same octets, and a target never gets
// longer than a name may be.
func FuzzDSYNC(f *testing.F) {
	rdata, err := scanner.Pack()
	require.NoError(f, err)
	f.Add(rdata)
	f.Add([]byte("\x00\x3b\x01\x00\x35\x00"))
	f.Add([]byte("\x00\x3b\x01\x00\x35\xc0\x05"))
	f.Fuzz(func(t *testing.T, rdata []byte) {
		d, err := parent.ParseDSYNC(rdata)
		if err != nil {
			return
		}
		packed, err := d.Pack()
		require.NoError(t, err)
		require.Equal(t, rdata, packed)
		require.LessOrEqual(t, len(packed), 5+255)
	})
}
