package realtest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

const (
	parentZone = "test."
	childZone  = "child.test."
	ttl        = 2 // seconds, of everything
)

// bindParent is a parent zone in named, which signs it itself. What changes DS
// records is BIND's as well: dnssec-cds looks at the child, nsupdate does what it
// says, as a registry of RFC 7344 works.
type bindParent struct {
	t      *testing.T
	server *dnspeer.Server
	dir    string
	child  netip.AddrPort

	mu   sync.Mutex
	said []string // by dnssec-cds, when it refused
}

func newBINDParent(t *testing.T, child netip.AddrPort) *bindParent {
	peer.Need(t, "dnssec-cds", "nsupdate")
	zone := fmt.Sprintf("$TTL %d\n@ IN SOA ns.test. h.test. 1 60 60 600 %d\n@ NS ns\nns A 127.0.0.1\nchild NS ns.child\nns.child A 127.0.0.1\n", ttl, ttl)
	p := &bindParent{t: t, dir: t.TempDir(), child: child}
	p.server = dnspeer.NamedAuthority(t, dnspeer.Authority{
		Zones:     map[string]string{parentZone: zone},
		ZoneLines: map[string][]string{parentZone: {"dnssec-policy quick;", "allow-update { 127.0.0.1; };"}},
		Blocks:    []string{fmt.Sprintf(`dnssec-policy quick { keys { csk lifetime unlimited algorithm ecdsa256; }; dnskey-ttl %d; max-zone-ttl 60; };`, ttl)},
	})
	return p
}

// ask asks a server by TCP, with DO.
func ask(t require.TestingT, at netip.AddrPort, name string, typ uint16) *dns.Msg {
	q := new(dns.Msg).SetQuestion(name, typ)
	q.SetEdns0(4096, true)
	client := &dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	r, _, err := client.Exchange(q, at.String())
	require.NoError(t, err)
	return r
}

func records[T dns.RR](m *dns.Msg) []T {
	var out []T
	for _, rr := range m.Answer {
		if r, ok := rr.(T); ok {
			out = append(out, r)
		}
	}
	return out
}

// anchors are DS records of the parent's own key, once it has signed.
func (p *bindParent) anchors() []string {
	var out []string
	require.Eventually(p.t, func() bool {
		r := ask(p.t, p.server.Addr, parentZone, dns.TypeDNSKEY)
		if len(records[*dns.RRSIG](r)) == 0 {
			return false
		}
		for _, k := range records[*dns.DNSKEY](r) {
			out = append(out, k.ToDS(dns.SHA256).String())
		}
		return len(records[*dns.RRSIG](ask(p.t, p.server.Addr, parentZone, dns.TypeSOA))) > 0
	}, time.Minute, 100*time.Millisecond)
	return out
}

func (p *bindParent) ds() []*dns.DS {
	return records[*dns.DS](ask(p.t, p.server.Addr, childZone, dns.TypeDS))
}

// watch looks at the child all the time.
func (p *bindParent) watch(ctx context.Context) {
	for ctx.Err() == nil {
		p.look(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// look does what the child's CDS records ask for.
func (p *bindParent) look(ctx context.Context) {
	cds := records[*dns.CDS](ask(p.t, p.child, childZone, dns.TypeCDS))
	have := p.ds()
	if len(cds) == 0 || sameDS(cds, have) || cds[0].Algorithm == 0 && len(have) == 0 {
		return
	}
	update := ""
	switch {
	case cds[0].Algorithm == 0: // dnssec-cds does not know the request to delete (RFC 8078)
		update = fmt.Sprintf("update delete %s DS", childZone)
	case len(have) == 0: // the first is trusted, as by the page of a registrar
		for _, c := range cds {
			update += fmt.Sprintf("update add %s %d IN DS %d %d %d %s\n", childZone, ttl, c.KeyTag, c.Algorithm, c.DigestType, c.Digest)
		}
	default:
		update = p.cds(ctx, have)
	}
	if update == "" {
		return
	}
	port := p.server.Addr.Port()
	cmd := exec.CommandContext(ctx, "nsupdate")
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server 127.0.0.1 %d\nzone %s\n%s\nsend\n", port, parentZone, update))
	if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
		p.note(fmt.Sprintf("nsupdate: %v: %s", err, out))
	}
}

// cds is what dnssec-cds says, which validates the child's records by the DS that
// are there.
func (p *bindParent) cds(ctx context.Context, have []*dns.DS) string {
	var set, answer bytes.Buffer
	for _, d := range have {
		fmt.Fprintln(&set, d)
	}
	for _, typ := range []uint16{dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY} {
		for _, rr := range ask(p.t, p.child, childZone, typ).Answer {
			fmt.Fprintln(&answer, rr)
		}
	}
	file, child := filepath.Join(p.dir, "dsset-"+childZone), filepath.Join(p.dir, "child")
	require.NoError(p.t, os.WriteFile(file, set.Bytes(), 0o600))
	require.NoError(p.t, os.WriteFile(child, answer.Bytes(), 0o600))
	// Signatures that are older than the file are taken for a replay.
	old := time.Now().Add(-24 * time.Hour)
	require.NoError(p.t, os.Chtimes(file, old, old))
	cmd := exec.CommandContext(ctx, "dnssec-cds", "-u", "-T", fmt.Sprint(ttl), "-d", p.dir, "-f", child, childZone)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && ctx.Err() == nil {
		p.note(fmt.Sprintf("dnssec-cds: %v: %s", err, stderr.String()))
	}
	return string(out)
}

func (p *bindParent) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, text)
}

// complaints are what BIND's programs did not like.
func (p *bindParent) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

func sameDS(cds []*dns.CDS, ds []*dns.DS) bool {
	if len(cds) != len(ds) {
		return false
	}
	for _, c := range cds {
		if !slices.ContainsFunc(ds, func(d *dns.DS) bool {
			return d.KeyTag == c.KeyTag && d.Algorithm == c.Algorithm && d.DigestType == c.DigestType && strings.EqualFold(d.Digest, c.Digest)
		}) {
			return false
		}
	}
	return true
}
