package dns01

import (
	"context"
	"fmt"
	"sync"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// Recursive is a [Verifier] that asks recursive servers, all of them. They remember
// for as long as the zone's SOA record says that a record was not there, so set
// [Solver.Delay] to what the service mostly takes.
type Recursive struct {
	// DNS has the servers; nil means the zero value.
	DNS *DNS
	// Quorum is how many servers must have the record; zero means all.
	Quorum int

	once sync.Once
	dns  *DNS
}

// Visible says whether the servers have the record.
func (v *Recursive) Visible(ctx context.Context, record TXT) (bool, error) {
	v.once.Do(func() {
		if v.dns = v.DNS; v.dns == nil {
			v.dns = new(DNS)
		}
	})
	name, err := canonical(record.Name)
	if err != nil {
		return false, fmt.Errorf("dns01: look for %q: %w", record.Name, err)
	}
	servers, err := v.dns.resolvers()
	if err != nil {
		return false, fmt.Errorf("dns01: look for %s: %w", name, err)
	}
	has := 0
	for _, server := range servers {
		m, askErr := v.dns.ask(ctx, server, name, dns.TypeTXT, true)
		switch {
		case askErr != nil:
			err = askErr
		case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
			err = dnsask.RcodeError(m.Rcode)
		case txtrr.Has(m.Answer, name, record.Value):
			has++
			continue
		default:
			err = errMissing
		}
		err = fmt.Errorf("%s: %w", server, err)
	}
	need := len(servers)
	if v.Quorum > 0 {
		need = min(need, v.Quorum)
	}
	if has >= need {
		return true, nil
	}
	return false, fmt.Errorf("dns01: %d of %d recursive servers have %s TXT: %w", has, len(servers), name, err)
}
