package realtest_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/dnspeer"
)

// questions are asked all the time: what is there, what is not, and the keys
// themselves.
var questions = []struct {
	name string
	typ  uint16
}{
	{"www." + childZone, dns.TypeA},
	{"nothing." + childZone, dns.TypeA},
	{"www." + childZone, dns.TypeTXT},
	{"any.wild." + childZone, dns.TypeA},
	{childZone, dns.TypeSOA},
	{childZone, dns.TypeDNSKEY},
}

// validator is a resolver of somebody else's that validates.
type validator struct {
	name   string
	addr   netip.AddrPort
	asked  atomic.Int64
	secure atomic.Int64 // answers in a row that were secure

	mu     sync.Mutex
	must   bool     // answers must be secure
	faults []string // what should not have been
}

// validators are all that Debian has; they believe the parent only.
func validators(t *testing.T, anchors []string, parent, child netip.AddrPort) []*validator {
	trust := dnspeer.Trust{Anchors: anchors, Stubs: map[string]netip.AddrPort{parentZone: parent, childZone: child}}
	return []*validator{
		{name: "unbound", addr: dnspeer.ValidatingUnbound(t, trust)},
		{name: "pdns_recursor", addr: dnspeer.Recursor(t, trust)},
	}
}

// run asks until ctx ends.
func (v *validator) run(ctx context.Context) {
	client := &dns.Client{Timeout: 10 * time.Second}
	for i := 0; ctx.Err() == nil; i++ {
		what := questions[i%len(questions)]
		q := new(dns.Msg).SetQuestion(what.name, what.typ)
		q.SetEdns0(1232, true)
		r, _, err := client.ExchangeContext(ctx, q, v.addr.String())
		if err != nil {
			if ctx.Err() == nil {
				v.fault(fmt.Sprintf("%s %s: %v", what.name, dns.TypeToString[what.typ], err))
			}
			continue
		}
		v.judge(r)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (v *validator) judge(r *dns.Msg) {
	v.asked.Add(1)
	if r.AuthenticatedData {
		v.secure.Add(1)
	} else {
		v.secure.Store(0)
	}
	v.mu.Lock()
	must := v.must
	v.mu.Unlock()
	if r.Rcode == dns.RcodeServerFailure || must && !r.AuthenticatedData {
		v.fault(r.String())
	}
}

func (v *validator) fault(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.faults) < 3 {
		v.faults = append(v.faults, time.Now().UTC().Format("15:04:05.000 ")+text)
	}
}

// require says whether each answer must be secure from now on.
func (v *validator) require(must bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.must = must
}

// requireGood wants no answer to have been wrong.
func (v *validator) requireGood(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	require.Empty(t, v.faults, "%s: %s", v.name, strings.Join(v.faults, "\n"))
}
