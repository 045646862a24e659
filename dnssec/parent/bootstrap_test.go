package parent_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// hosting is a child without DS at the name servers of an operator, whose own zone
// is secure and has the signals.
type hosting struct {
	*world
	child, operator *signer
	check           parent.Bootstrap
}

const (
	childText    = "@ 3600 SOA ns1 h 1 2 3 4 5\n@ NS ns1.op.test.\n@ NS ns2.op.test.\n@ NS ns3\nns3 A 192.0.2.23\nCDS\n"
	operatorText = "@ 3600 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.21\nns2 A 192.0.2.22\n"
)

func newHosting(t *testing.T) *hosting {
	t.Helper()
	now := time.Now()
	h := &hosting{
		world:    newWorld(t, dnssectest.ParentOptions{}),
		child:    newSigner(t, child, childText, now),
		operator: newSigner(t, "op.test.", operatorText, now),
	}
	require.NoError(t, h.parent.Delegate(child, "ns1.op.test.", "ns2.op.test.", "ns3.child.test."))
	require.NoError(t, h.parent.SetDS(child))
	require.NoError(t, h.parent.Delegate("op.test.", "ns1.op.test."))
	require.NoError(t, h.parent.SetDS("op.test.", h.operator.ds...))
	h.signal(t, now)
	h.net.Handle(recursor, dnssectest.Recursive(h.parent.Zone, h.child.current, h.operator.current))
	for _, addr := range []string{"192.0.2.21:53", "192.0.2.22:53", "192.0.2.23:53"} {
		h.net.Handle(netip.MustParseAddrPort(addr), dnssectest.ZoneServer(h.child.current))
	}
	h.check = parent.Bootstrap{Resolver: h.resolver, NoIPv6: true}
	return h
}

// sync is the child's CDS and CDNSKEY records.
func (h *hosting) sync(t *testing.T) []dns.RR {
	apex := name(t, child)
	return append(h.child.zone.RRset(apex, dns.TypeCDS), h.child.zone.RRset(apex, dns.TypeCDNSKEY)...)
}

func (h *hosting) signal(t *testing.T, now time.Time) {
	t.Helper()
	signals, err := parent.SignalRecords(child, []string{"ns1.op.test.", "NS2.op.test", "ns3.child.test.", "ns1.op.test."}, h.sync(t))
	require.NoError(t, err)
	require.Len(t, signals, 2*len(h.sync(t)), "of two servers")
	h.operator.change(t, now, func(tx *dnssec.Tx) error { return tx.Add(signals...) })
}

func TestBootstrap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHosting(t)
		ds, err := h.check.Check(t.Context(), "CHILD.test")
		require.NoError(t, err)
		require.Equal(t, h.child.ds, ds)
	})
}

// The fake parent takes a first DS that way.
func TestBootstrapByTheParent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHosting(t)
		var check parent.Bootstrap
		p := dnssectest.NewParent(t, dnssectest.ParentOptions{First: func(ctx context.Context, zone string) ([]rotate.DS, error) { return check.Check(ctx, zone) }})
		require.NoError(t, p.Delegate(child, "ns1.op.test."))
		p.SetChild(child, dnssectest.ZoneServer(h.child.current))
		require.ErrorContains(t, p.Scan(t.Context(), child), "Anchors")
		require.Empty(t, p.DS(child))
		check = h.check
		require.NoError(t, p.Scan(t.Context(), child))
		require.Equal(t, h.child.ds, p.DS(child))
	})
}

// Each thing that a parent must refuse.
func TestBootstrapRefused(t *testing.T) {
	apex := func(t *testing.T) dnssec.Name { return name(t, child) }
	ns2 := netip.MustParseAddrPort("192.0.2.22:53")
	tests := []struct {
		name  string
		spoil func(t *testing.T, h *hosting, now time.Time)
		want  string
	}{
		{"there is a DS", func(t *testing.T, h *hosting, _ time.Time) {
			require.NoError(t, h.parent.SetDS(child, h.child.ds...))
		}, parent.ErrHasDS.Error()},
		{"a signal is missing", func(t *testing.T, h *hosting, now time.Time) {
			h.operator.change(t, now, func(tx *dnssec.Tx) error {
				tx.RemoveName(name(t, "_dsboot.child.test._signal.ns2.op.test."))
				return nil
			})
		}, "signals of name server ns2.op.test."},
		{"a signal is another", func(t *testing.T, h *hosting, now time.Time) {
			h.operator.change(t, now, func(tx *dnssec.Tx) error {
				return tx.Add(rr(t, "_dsboot.child.test._signal.ns1.op.test. 3600 CDS 1 13 2 "+digest(1).Digest))
			})
		}, "differs"},
		{"signals are not signed", func(t *testing.T, h *hosting, now time.Time) {
			require.NoError(t, h.parent.SetDS("op.test."))
		}, "no chain of DS records"},
		{"signals are old", func(t *testing.T, h *hosting, now time.Time) {
			h.operator.change(t, now.AddDate(-1, 0, 0), func(tx *dnssec.Tx) error { return nil })
		}, "is valid from"},
		{"a server is down", func(t *testing.T, h *hosting, now time.Time) {
			h.net.Handle(ns2, func(string, []byte) [][]byte { return nil })
		}, "name server ns2.op.test."},
		{"a server is lame", func(t *testing.T, h *hosting, now time.Time) {
			h.net.Handle(ns2, dnssectest.ZoneServer(h.operator.current))
		}, "REFUSED"},
		{"a server has another zone", func(t *testing.T, h *hosting, now time.Time) {
			h.net.Handle(ns2, dnssectest.ZoneServer(newSigner(t, child, childText, now).current))
		}, "differs"},
		{"nothing is wanted", func(t *testing.T, h *hosting, now time.Time) {
			h.child.change(t, now, func(tx *dnssec.Tx) error {
				tx.RemoveRRset(apex(t), dns.TypeCDS)
				tx.RemoveRRset(apex(t), dns.TypeCDNSKEY)
				return nil
			})
			h.operator.change(t, now, func(tx *dnssec.Tx) error {
				tx.RemoveName(name(t, "_dsboot.child.test._signal.ns1.op.test."))
				tx.RemoveName(name(t, "_dsboot.child.test._signal.ns2.op.test."))
				return nil
			})
		}, "neither CDS nor CDNSKEY"},
		{"all names are in the zone", func(t *testing.T, h *hosting, now time.Time) {
			require.NoError(t, h.parent.Delegate(child, "ns3.child.test."))
		}, parent.ErrNoSignal.Error()},
		{"the zone would be bogus", func(t *testing.T, h *hosting, now time.Time) {
			other := newSigner(t, child, childText, now)
			h.child.change(t, now, func(tx *dnssec.Tx) error {
				cds, keys := other.zone.RRset(apex(t), dns.TypeCDS), other.zone.RRset(apex(t), dns.TypeCDNSKEY)
				if err := tx.Replace(cds...); err != nil {
					return err
				}
				return tx.Replace(keys...)
			})
			h.operator.change(t, now, func(tx *dnssec.Tx) error {
				tx.RemoveName(name(t, "_dsboot.child.test._signal.ns1.op.test."))
				tx.RemoveName(name(t, "_dsboot.child.test._signal.ns2.op.test."))
				return nil
			})
			h.signal(t, now)
		}, "no DNSKEY of child.test. is one that is trusted"},
		{"CDS and CDNSKEY differ", func(t *testing.T, h *hosting, now time.Time) {
			h.child.change(t, now, func(tx *dnssec.Tx) error {
				return tx.Add(rr(t, child+" 3600 CDS 1 13 2 "+digest(1).Digest))
			})
			h.signal(t, now)
		}, "the CDS with tag 1 has no CDNSKEY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHosting(t)
				tt.spoil(t, h, time.Now())
				_, err := h.check.Check(t.Context(), child)
				require.ErrorContains(t, err, tt.want)
			})
		})
	}
	bubble(t, func(t *testing.T) {
		h := newHosting(t)
		h.check.Resolver.Anchors = nil
		_, err := h.check.Check(t.Context(), child)
		require.ErrorContains(t, err, "Anchors")
	})
}

func TestSignalRecords(t *testing.T) {
	cds := []dns.RR{rr(t, "child.test. 60 CDS 1 13 2 "+digest(1).Digest)}
	got, err := parent.SignalRecords("child.test", []string{"ns.op.example"}, cds)
	require.NoError(t, err)
	require.Equal(t, "_dsboot.child.test._signal.ns.op.example.\t60\tIN\tCDS\t1 13 2 "+digest(1).Digest, got[0].String())
	require.Equal(t, "child.test.", cds[0].Header().Name, "what was given stays")

	long := strings.Repeat(strings.Repeat("a", 63)+".", 3)
	tests := []struct {
		zone, server, record, want string
	}{
		{"child.test.", "ns.child.test.", "child.test. 60 CDS 1 13 2 00", "in the zone itself"},
		{"child.test.", "ns.op.test.", "other.test. 60 CDS 1 13 2 00", "a record is of other.test."},
		{"child.test.", "ns.op.test.", "child.test. 60 A 192.0.2.1", "of type A"},
		{"child.test.", "ns.op.test.", "child.test. 60 CDS 0 0 0 00", "delete"},
		{"child.test.", "ns.op.test.", "child.test. 60 CDNSKEY 0 3 0 AA==", "delete"},
		{long, "ns." + strings.Repeat("b", 63) + ".test.", long + " 60 CDS 1 13 2 00", "signalling name"},
		{".", "ns.op.test.", ". 60 CDS 1 13 2 00", "in the zone itself"},
		{"a..b.", "ns.op.test.", "b. 60 CDS 1 13 2 00", "parent"},
		{"child.test.", "a..b", "child.test. 60 CDS 1 13 2 00", "parent"},
	}
	for _, tt := range tests {
		_, err := parent.SignalRecords(tt.zone, []string{tt.server}, []dns.RR{rr(t, tt.record)})
		require.ErrorContains(t, err, tt.want)
	}
}
