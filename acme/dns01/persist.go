package dns01

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
)

// Persist answers dns-persist-01 challenges (draft-ietf-acme-dns-persist) by a record
// that somebody has put into the DNS once, see [PersistRecord]. It changes nothing:
// it looks whether all servers have a record that is good for the account, and for
// the wildcard if one is ordered. If not, its error has the record to add.
//
// All its methods may be called by many goroutines. It must not be copied, nor its
// fields changed, after first use.
type Persist struct {
	// DNS looks records up; nil means the zero value.
	DNS *DNS
	// Verifier says whether those who will look can see a record. Nil means
	// [Authoritative] by DNS, or [Recursive] if DNS is for recursive servers only.
	Verifier Verifier
	// Spare is how long a record must still be good; zero means an hour.
	Spare time.Duration
	// Now is the clock; nil means [time.Now].
	Now func() time.Time

	once     sync.Once
	dns      *DNS
	verifier Verifier
}

var _ acme.TypedSolver = (*Persist)(nil)

// ErrNoPersistRecord is wrapped by errors about names without a good record.
var ErrNoPersistRecord = errors.New("there is no record that lets the account have certificates")

// Types is dns-persist-01 alone.
func (p *Persist) Types() []string { return []string{acme.DNSPersist01} }

func (p *Persist) setup() {
	p.once.Do(func() {
		if p.dns = p.DNS; p.dns == nil {
			p.dns = new(DNS)
		}
		p.verifier = verifierOr(p.Verifier, p.dns)
	})
}

// Present looks for the record. What it returns is ready, and has nothing to clean up.
func (p *Persist) Present(ctx context.Context, ch acme.Challenge) (acme.Presented, error) {
	p.setup()
	if err := p.look(ctx, ch); err != nil {
		return nil, fmt.Errorf("dns01: answer the challenge for %q: %w", ch.Identifier, err)
	}
	return standing{}, nil
}

func (p *Persist) look(ctx context.Context, ch acme.Challenge) error {
	if ch.Type != acme.DNSPersist01 {
		return fmt.Errorf("a challenge of type %q, not %q", ch.Type, acme.DNSPersist01)
	}
	if len(ch.IssuerDomains) == 0 || ch.AccountURL == "" {
		return errors.New("the challenge has no domain of the authority, or no account")
	}
	name, err := RecordName(ch)
	if err != nil {
		return err
	}
	at, err := p.dns.follow(ctx, name)
	if err != nil {
		return err
	}
	zone, values, err := p.dns.values(ctx, at)
	if err != nil {
		return fmt.Errorf("look up %s TXT: %w", at, err)
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	until := now().Add(cmp.Or(p.Spare, time.Hour))
	value, why := choosePersist(values, ch, until)
	if value == "" {
		add := PersistValue(ch.IssuerDomains[0], ch.AccountURL, ch.Wildcard, time.Time{})
		return fmt.Errorf("%w: add %s TXT %q%s", ErrNoPersistRecord, name, add, why)
	}
	seen, err := p.verifier.Visible(ctx, TXT{Zone: zone, Name: at, Value: value})
	if seen {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotVisible, err)
}

// choosePersist is the first value that is good for a challenge, or why others that
// were meant for the authority are not.
func choosePersist(values []string, ch acme.Challenge, until time.Time) (value, why string) {
	var whys []string
	for _, v := range values {
		r, err := ParsePersist(v)
		if err == nil && slices.ContainsFunc(ch.IssuerDomains, func(d string) bool { return sameDomain(d, r.Issuer) }) {
			if err = r.covers(ch, until); err == nil {
				return v, ""
			}
			whys = append(whys, fmt.Sprintf("; %q is not good: %v", v, err))
		}
	}
	return "", strings.Join(whys[:min(len(whys), maxAddrs)], "")
}

// values are those of the TXT records at a name, and the zone if it is known.
func (d *DNS) values(ctx context.Context, name string) (zone string, values []string, err error) {
	var m *dns.Msg
	if d.RecursiveOnly {
		m, err = d.lookup(ctx, name, dns.TypeTXT)
	} else {
		var a authority
		a, m, err = d.authoritative(ctx, name, dns.TypeTXT)
		zone = a.zone
	}
	if err != nil {
		return "", nil, err
	}
	for _, rr := range m.Answer {
		if rr, ok := rr.(*dns.TXT); ok && equal(rr.Hdr.Name, name) {
			values = append(values, txtrr.Value(rr))
		}
	}
	return zone, values, nil
}

// standing is an answer that was there before, and stays.
type standing struct{}

func (standing) Ready(context.Context) error   { return nil }
func (standing) CleanUp(context.Context) error { return nil }
