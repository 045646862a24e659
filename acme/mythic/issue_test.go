package mythic_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// troubled has trouble before some of the calls that add records. There is one such
// call at a time, so that none has the trouble of two.
type troubled struct {
	*mythic.V2
	added   atomic.Int64
	trouble map[int64]func() // by the number of the call
}

func (p *troubled) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	if do := p.trouble[p.added.Add(1)]; do != nil {
		do()
	}
	return p.V2.AddTXT(ctx, records...)
}

// Cases R6 and R16 from end to end: two hundred orders at once, whose records go
// through the API, while tokens end, are refused and cannot be had for a while.
func TestManyOrdersWhileTokensEnd(t *testing.T) {
	const orders = 200
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	m := acmetest.NewMythic(t, d, acmetest.MythicOptions{})
	api := &troubled{V2: v2(m), trouble: map[int64]func(){
		2: func() {
			m.Fail(acmetest.MythicFault{Path: "/dns", Status: http.StatusUnauthorized, Body: `{"error":"Access denied"}`})
		},
		5: m.RevokeTokens,
		8: func() { m.Advance(301 * time.Second) },
		11: func() {
			m.RevokeTokens()
			m.Fail(acmetest.MythicFault{Path: "/login", Times: 2, Status: http.StatusBadGateway, Body: "<html>"})
		},
		14: m.CloseConnections,
	}}
	ca := acmetest.NewCA(t, acmetest.CAOptions{TXT: d.TXT})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	c := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, Poll: acme.PollPolicy{First: time.Millisecond}}
	s := &dns01.Solver{
		Provider: api, FirstPoll: 5 * time.Millisecond, Coalesce: dns01.Coalesce{Max: 10},
		DNS: &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, RecursiveOnly: true, Timeout: 10 * time.Second},
	}
	var all sync.WaitGroup
	errs := make([]error, orders)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = c.Obtain(t.Context(), acme.Request{Names: []string{fmt.Sprintf("n%d.example.com", i)}}, s)
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, ca.Issued(), orders)
	require.Empty(t, m.Records("example.com"), "cleaned up")
	require.Greater(t, api.added.Load(), int64(len(api.trouble)*3), "each trouble came")
	require.GreaterOrEqual(t, m.Logins(), 2)
	require.LessOrEqual(t, m.Logins(), 6, "one for each at most")
}
