package realtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// questions are asked all the time: what is there, what is not, and the keys.
var questions = []struct {
	name string
	typ  uint16
}{
	{www, dns.TypeA}, {www, dns.TypeAAAA}, {"nothing." + domain, dns.TypeA}, {www, dns.TypeMX}, {domain, dns.TypeDNSKEY},
}

// asker is everybody who asks the resolver while keys roll: each answer has to be
// there, and secure.
type asker struct {
	n *names

	mu     sync.Mutex // guards what follows
	asked  int
	faults []string
}

// startAsker asks until the test ends.
func (n *names) startAsker() *asker {
	a := &asker{n: n}
	ctx, cancel := context.WithCancel(n.rack.t.Context())
	var all sync.WaitGroup
	all.Go(func() { a.run(ctx) })
	n.rack.t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	return a
}

func (a *asker) run(ctx context.Context) {
	client := &dns.Client{Timeout: 20 * time.Second}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		what := questions[i%len(questions)]
		q := new(dns.Msg).SetQuestion(what.name, what.typ)
		q.SetEdns0(1232, true)
		m, _, err := client.ExchangeContext(ctx, q, a.n.resolver.String())
		if ctx.Err() != nil {
			return
		}
		a.note(m, err)
		<-tick.C
	}
}

func (a *asker) note(m *dns.Msg, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	now := time.Now().UTC().Format("15:04:05.000")
	switch {
	case err != nil:
		a.faults = append(a.faults, fmt.Sprintf("%s %v", now, err))
	case m.Rcode == dns.RcodeServerFailure, !m.AuthenticatedData:
		a.faults = append(a.faults, fmt.Sprintf("%s %v", now, m))
	}
}

// good wants no answer to have been wrong so far, and returns how many there were.
func (a *asker) good() int {
	a.n.rack.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.faults) > 3 {
		a.faults = a.faults[:3]
	}
	require.Empty(a.n.rack.t, a.faults)
	return a.asked
}
