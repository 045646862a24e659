package parent_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// patience is how long other programs get, on a machine that does much else.
const patience = time.Minute

const realChild = "@ 60 SOA ns h 1 2 3 4 60\n@ 60 NS ns\nns 60 A 127.0.0.1\nwww 60 A 192.0.2.7\nCDS\n"

// realWorld is a parent zone that named signs and updates, a secondary of it in
// Knot, and a child of ours.
type realWorld struct {
	named, knot *dnspeer.Server
	child       *signer
	childAddr   netip.AddrPort
	anchors     map[string][]rotate.DS
	poller      *parent.Poller
	update      *parent.Update
}

func newRealWorld(t *testing.T, records string) *realWorld {
	t.Helper()
	w := &realWorld{child: newSigner(t, child, realChild, time.Now())}
	w.childAddr = dnssectest.ListenHandler(t, "127.0.0.1:0", func(network string, packet []byte) [][]byte {
		return dnssectest.ZoneServer(w.child.current)(network, packet)
	})
	text := "$ORIGIN test.\n$TTL 60\n@ SOA ns1 h 1 3600 1 604800 60\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.1\nns2 A 127.0.0.1\n" +
		"child NS ns.child\nns.child A 127.0.0.1\n" + records
	w.named = dnspeer.NamedAuthority(t, dnspeer.Authority{
		Zones:     map[string]string{"test": text},
		Blocks:    []string{fmt.Sprintf("key \"child.\" { algorithm hmac-sha256; secret %q; };", tsigSecret)},
		ZoneLines: map[string][]string{"": {`allow-update { key "child."; };`, "dnssec-policy default;", "allow-transfer { 127.0.0.1; };"}},
	})
	w.anchors = map[string][]rotate.DS{"test.": {w.namedKey(t)}}
	w.knot = dnspeer.Knot(t, dnspeer.Authority{
		Zones:     map[string]string{"test": ""},
		Blocks:    []string{"remote:", "  - id: named", fmt.Sprintf("    address: %v@%d", w.named.Addr.Addr(), w.named.Addr.Port())},
		ZoneLines: map[string][]string{"": {"master: named", "refresh-min-interval: 2", "refresh-max-interval: 2", "retry-min-interval: 1", "retry-max-interval: 2"}},
	})
	w.poller = &parent.Poller{
		Resolver: parent.Resolver{Anchors: w.anchors},
		Servers: func(context.Context, string) (string, []parent.Server, error) {
			return "test.", []parent.Server{
				{Name: "ns1.test.", Addrs: []netip.AddrPort{w.named.Addr}}, {Name: "ns2.test.", Addrs: []netip.AddrPort{w.knot.Addr}},
			}, nil
		},
	}
	w.update = &parent.Update{
		Server: w.named.Addr, Key: parent.TSIG{Name: "child.", Secret: parent.Secret(tsigSecret)}, TTL: 60, Observer: w.poller,
	}
	w.wait(t, func(ds []rotate.DS) bool { return len(ds) == 0 })
	return w
}

// namedKey is the DS of the key that named made.
func (w *realWorld) namedKey(t *testing.T) rotate.DS {
	t.Helper()
	var found rotate.DS
	require.Eventually(t, func() bool {
		m, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion("test.", dns.TypeDNSKEY), w.named.Addr.String())
		if err != nil || len(m.Answer) == 0 {
			return false
		}
		found = parent.FromRR(m.Answer[0].(*dns.DNSKEY).ToDS(dns.SHA256))
		return true
	}, patience, 50*time.Millisecond)
	return found
}

// wait polls until both servers have validated answers that fit.
func (w *realWorld) wait(t *testing.T, fits func([]rotate.DS) bool) {
	t.Helper()
	var last error
	require.Eventually(t, func() bool {
		facts, err := w.update.Observe(t.Context(), child)
		last = err
		for _, s := range facts.Servers {
			if !s.Answered || !fits(s.DS) {
				return false
			}
		}
		return err == nil
	}, patience, 100*time.Millisecond, "%v", last)
}

func (w *realWorld) resolver(t *testing.T) netip.AddrPort {
	t.Helper()
	return dnspeer.ValidatingUnbound(t, dnspeer.Trust{
		Anchors: []string{parent.ToRR("test.", 60, w.anchors["test."][0]).String()},
		Stubs:   map[string]netip.AddrPort{"test": w.knot.Addr, "child.test": w.childAddr},
	})
}

// Our update, named's signatures, Knot as the parent's other server, and unbound from
// the parent's key to the child's records.
func TestRealUpdate(t *testing.T) {
	w := newRealWorld(t, "")
	has := func(want ...rotate.DS) func([]rotate.DS) bool {
		return func(ds []rotate.DS) bool { return len(ds) == len(want) && fmt.Sprint(ds) == fmt.Sprint(want) }
	}
	submit := func(add, remove []rotate.DS) {
		t.Helper()
		require.NoError(t, w.update.Submit(t.Context(), child, add, remove))
	}
	submit([]rotate.DS{digest(1)}, nil)
	w.wait(t, has(digest(1)))
	facts, err := w.update.Observe(t.Context(), child)
	require.NoError(t, err)
	require.Equal(t, time.Minute, facts.TTL)
	submit([]rotate.DS{digest(1)}, nil) // again
	submit(w.child.ds, []rotate.DS{digest(1)})
	w.wait(t, has(w.child.ds...))

	ask := func(addr netip.AddrPort) *dns.Msg {
		m := new(dns.Msg).SetQuestion("www.child.test.", dns.TypeA)
		m.SetEdns0(1232, true)
		answer, _, err := (&dns.Client{Timeout: patience}).Exchange(m, addr.String())
		require.NoError(t, err)
		return answer
	}
	answer := ask(w.resolver(t))
	require.Equal(t, dns.RcodeSuccess, answer.Rcode)
	require.True(t, answer.AuthenticatedData, "from the parent's key to the child's record")

	require.ErrorIs(t, w.update.Submit(t.Context(), "other.test.", []rotate.DS{digest(1)}, nil), parent.ErrNotDelegated)
	wrong := *w.update
	wrong.Key.Secret = "AAAA"
	require.ErrorContains(t, wrong.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil), "BADSIG")
	none := *w.update
	none.Key = parent.TSIG{}
	require.ErrorContains(t, none.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil), "REFUSED")
	submit(nil, w.child.ds)
	w.wait(t, has())
	require.False(t, ask(w.resolver(t)).AuthenticatedData)
}

// The DSYNC record goes through named, Knot and unbound, and our NOTIFY to where it
// says.
func TestRealNotify(t *testing.T) {
	var got = make(chan *dns.Msg, 16)
	receiver := dnssectest.ListenHandler(t, "127.0.0.1:0", func(_ string, packet []byte) [][]byte {
		m := new(dns.Msg)
		if m.Unpack(packet) != nil {
			return nil
		}
		got <- m
		out, err := new(dns.Msg).SetReply(m).Pack()
		if err != nil {
			return nil
		}
		return [][]byte{out}
	})
	dsync := parent.DSYNC{Type: dns.TypeCDS, Scheme: parent.SchemeNotify, Port: receiver.Port(), Target: "ns1.test."}
	w := newRealWorld(t, dsyncText(t, "*._dsync.test.", dsync))
	n := &parent.Notify{Resolver: parent.Resolver{Servers: []netip.AddrPort{w.resolver(t)}, Anchors: w.anchors}}
	found, err := n.Resolver.DSYNC(t.Context(), child, dns.TypeCDS)
	require.NoError(t, err)
	require.Equal(t, &dsync, found)
	require.NoError(t, n.Submit(t.Context(), child, w.child.ds, nil))
	m := <-got
	require.Equal(t, dns.OpcodeNotify, m.Opcode)
	require.Equal(t, child, m.Question[0].Name)
}

// dnssec-cds as the parent that scans: it takes our records, and refuses those that
// are not signed by a key that the DS names.
func TestRealCDS(t *testing.T) {
	cds, nsupdate := peer.Look(t, "dnssec-cds"), peer.Look(t, "nsupdate")
	w := newRealWorld(t, "")
	require.NoError(t, w.update.Submit(t.Context(), child, w.child.ds, nil))
	w.wait(t, func(ds []rotate.DS) bool { return len(ds) == 1 })
	dir := t.TempDir()
	scan := func() (string, error) {
		var dsset strings.Builder
		for _, d := range w.child.ds {
			fmt.Fprintln(&dsset, parent.ToRR(child, 60, d))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "dsset"), []byte(dsset.String()), 0o600))
		var zone strings.Builder
		_, err := w.child.zone.WriteTo(&zone)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "child"), []byte(zone.String()), 0o600))
		out, err := exec.CommandContext(t.Context(), cds, "-u", "-s", "-86400", "-d", filepath.Join(dir, "dsset"), "-f", filepath.Join(dir, "child"), child).CombinedOutput()
		return string(out), err
	}
	next := newSigner(t, child, realChild, time.Now())
	both := func(signing *dnssec.Key, tamper bool) {
		zone, err := w.child.zone.Update(func(tx *dnssec.Tx) error {
			if err := tx.Replace(next.zone.RRset(name(t, child), dns.TypeCDS)...); err != nil {
				return err
			}
			return tx.Replace(next.zone.RRset(name(t, child), dns.TypeCDNSKEY)...)
		})
		require.NoError(t, err)
		uses := []dnssec.KeyUse{dnssec.CSK(next.key), {Key: w.child.key, Publish: true, SignKeys: !tamper, SignZone: true}}
		w.child.zone, _, err = (&dnssec.Signer{}).Sign(t.Context(), zone, nil, uses, time.Now())
		require.NoError(t, err)
	}
	before := w.child.zone
	both(next.key, true) // only the new key, which no DS names, signs the CDS
	out, err := scan()
	require.Error(t, err, out)

	w.child.zone = before
	both(next.key, false)
	script, err := scan()
	require.NoError(t, err, script)
	require.Contains(t, script, "update add")
	cmd := exec.CommandContext(t.Context(), nsupdate, "-v", "-y", "hmac-sha256:child.:"+tsigSecret)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server 127.0.0.1 %d\nzone test.\n%s\nsend\n", w.named.Addr.Port(), script))
	out2, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out2))
	w.wait(t, func(ds []rotate.DS) bool { return len(ds) == 1 && ds[0] == next.ds[0] })
}
