package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// certs keeps the domains' certificates. They come from an emulated authority, which
// looks for the answers to its challenges in the domains' own zones; these get them
// through an emulated DNS API.
type certs struct {
	options  Options
	news     *news
	registry *registry
	ca       *acmetest.CA
	manager  *renew.Manager
	broken   atomic.Int64 // until when the authority fails, in Unix nanoseconds
}

// lifetime is short enough to see renewals.
func (c *certs) lifetime() time.Duration { return max(c.options.scaled(4*time.Minute), 20*time.Second) }

// openCerts starts the authority and the DNS API.
func openCerts(o Options, n *news, r *registry, b *bench, dir string) (*certs, error) {
	c := &certs{options: o, news: n, registry: r}
	var api *acmetest.Mythic
	var zones []string
	for _, d := range r.domains {
		zones = append(zones, d.name)
	}
	err := b.start(func() {
		c.ca = acmetest.NewCA(b, acmetest.CAOptions{
			Lifetime: c.lifetime(), Backdate: time.Second,
			// Its windows of renewal are for certificates that live for days.
			NoRenewalInfo: true, TXT: c.lookTXT, Intercept: c.intercept,
		})
		api = acmetest.NewMythic(b, zoneTXT{r}, acmetest.MythicOptions{Zones: zones})
	})
	if err != nil {
		return nil, err
	}
	b.Cleanup(c.ca.HTTPClient().CloseIdleConnections)
	provider := &mythic.V2{
		KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret,
		API: api.API(), Login: api.Login(), HTTP: api.Client(), TTL: r.ttl(), Log: o.Log,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("demo: key of the ACME account: %w", err)
	}
	c.manager = &renew.Manager{
		Issuer: &acme.Client{
			Directory: c.ca.URL(), HTTP: c.ca.HTTPClient(), Key: key, AcceptTerms: true, Log: o.Log,
			Contacts: []string{"mailto:noc@hostkit.test"},
		},
		Solver: &dns01.Solver{
			Provider: provider, Zones: provider, Log: o.Log,
			Verifier:  &dns01.Recursive{DNS: &dns01.DNS{Resolvers: []netip.AddrPort{r.addr}}},
			FirstPoll: 100 * time.Millisecond, MaxPoll: time.Second,
		},
		Store:   &renew.FileStore{Dir: filepath.Join(dir, "certificates")},
		Policy:  c.policy(),
		Timeout: time.Minute, OnEvent: c.event, Log: o.Log,
	}
	for _, d := range r.domains {
		if err := c.manager.Add(d.name, acme.Request{Names: []string{d.name, "www." + d.name}}); err != nil {
			return nil, fmt.Errorf("demo: certificate of %s: %w", d.name, err)
		}
		d.busy = true
	}
	return c, nil
}

// policy tries again soon, and renews more often than an authority would permit.
func (c *certs) policy() renew.Policy {
	first := max(c.options.scaled(4*time.Second), time.Second)
	plenty := renew.Budget{N: 100_000, Per: time.Hour}
	return renew.Policy{Backoff: []time.Duration{first, 2 * first, 4 * first}, AccountBudget: plenty, NamesBudget: plenty}
}

// run keeps the certificates until ctx ends.
func (c *certs) run(ctx context.Context) error { return quiet(c.manager.Run(ctx)) }

// event is told what happened to a certificate.
func (c *certs) event(e renew.Event) {
	d := c.registry.byName[e.Name]
	if d == nil {
		return
	}
	d.mu.Lock()
	if e.Leaf != nil {
		d.leaf = e.Leaf
	}
	d.next = e.Next
	switch e.Kind {
	case renew.Issued, renew.Renewed, renew.Adopted:
		d.busy, d.problem = false, ""
	case renew.Failed, renew.StoreFailed:
		d.busy, d.problem = false, "The last try failed: "+e.Err.Error()
	}
	d.mu.Unlock()
	c.news.tell(model.DomainKind, e.Name)
}

// certify renews a domain's certificate as soon as there is room.
func (c *certs) certify(d *domain) error {
	d.mu.Lock()
	d.busy = true
	d.mu.Unlock()
	if err := c.manager.Renew(d.name); err != nil {
		return fmt.Errorf("demo: certificate of %s: %w", d.name, err)
	}
	c.news.tell(model.DomainKind, d.name)
	return nil
}

// show is how the certificate of a domain is.
func (c *certs) show(d *domain) model.Certificate {
	var words string
	for _, s := range c.manager.Status() {
		if s.Name == d.name {
			words = s.Words
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	v := model.Certificate{Busy: d.busy, Problem: d.problem, Words: words, Renewal: d.next}
	if d.busy {
		v.Words = "A certificate is being obtained."
	}
	if d.leaf != nil {
		v.Names, v.Issuer = append([]string(nil), d.leaf.DNSNames...), d.leaf.Issuer.CommonName
		v.NotBefore, v.NotAfter = d.leaf.NotBefore, d.leaf.NotAfter
	}
	return v
}

// fail has the authority fail for a time.
func (c *certs) fail(d time.Duration) { c.broken.Store(time.Now().Add(d).UnixNano()) }

// failing reports whether it does.
func (c *certs) failing() bool { return time.Now().UnixNano() < c.broken.Load() }

func (c *certs) intercept(w http.ResponseWriter, _ *http.Request, _ string) bool {
	if !c.failing() {
		return false
	}
	acmetest.WriteProblem(w, http.StatusServiceUnavailable, "serverInternal", "the authority is out of order")
	return true
}

// lookTXT is the authority's look into the DNS. It asks the domains' name server.
func (c *certs) lookTXT(name string) []string {
	q := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
	client := &dns.Client{Net: "tcp", Timeout: 5 * time.Second}
	answer, _, err := client.Exchange(q, c.registry.addr.String())
	if err != nil {
		c.options.Log.Warn("the authority cannot reach the name server", "name", name, "err", err)
		return nil
	}
	var values []string
	for _, rr := range answer.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// serverTLS serves the domains' certificates, and one that nobody trusts to who asks
// before there are any.
func serverTLS(c *certs, stopgap *tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if cert, err := c.manager.GetCertificate(hello); err == nil {
			return cert, nil
		}
		return stopgap, nil
	}}
}

// roots are those of the authority.
func (c *certs) roots() *x509.CertPool { return c.ca.Roots() }

// zoneTXT writes TXT records into the domains' zones: what is behind the DNS API.
type zoneTXT struct{ registry *registry }

var _ dns01.Provider = zoneTXT{}

// AddTXT implements dns01.Provider.
func (z zoneTXT) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return z.edit(ctx, records, func(tx *dnssec.Tx, rr dns.RR, has bool) error {
		if has {
			return nil
		}
		return tx.Add(rr)
	})
}

// DeleteTXT implements dns01.Provider.
func (z zoneTXT) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return z.edit(ctx, records, func(tx *dnssec.Tx, rr dns.RR, has bool) error {
		if !has {
			return nil
		}
		return tx.Remove(rr)
	})
}

func (z zoneTXT) edit(ctx context.Context, records []dns01.TXT, do func(tx *dnssec.Tx, rr dns.RR, has bool) error) error {
	var errs []error
	for _, d := range z.registry.domains {
		var own []dns.RR
		for _, txt := range records {
			if strings.HasSuffix("."+txt.Name, "."+d.name+".") {
				own = append(own, &dns.TXT{
					Hdr: dns.RR_Header{Name: txt.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(z.registry.ttl().Seconds())},
					Txt: []string{txt.Value},
				})
			}
		}
		if len(own) > 0 {
			errs = append(errs, z.registry.change(ctx, d, func(tx *dnssec.Tx) error { return each(d.contents, tx, own, do) }))
		}
	}
	return errors.Join(errs...)
}

func each(have *dnssec.Zone, tx *dnssec.Tx, records []dns.RR, do func(tx *dnssec.Tx, rr dns.RR, has bool) error) error {
	for _, rr := range records {
		name, err := dnssec.ParseName(rr.Header().Name)
		if err != nil {
			return err
		}
		has := false
		for _, known := range have.RRset(name, dns.TypeTXT) {
			has = has || dns.IsDuplicate(known, rr)
		}
		if err := do(tx, rr, has); err != nil {
			return err
		}
	}
	return nil
}
