package limit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limiter counts connections and refuses those beyond its limits. The zero value
// refuses none. The fields must not change once it is in use. It is safe for use
// by many goroutines at once, and must not be copied.
type Limiter struct {
	// PerClient bounds each client, which is an IPv4 address or an IPv6 network.
	PerClient Limit
	// PerSite bounds each site that brings no limit of its own.
	PerSite Limit
	// Total bounds the whole.
	Total Limit

	// V4Bits and V6Bits are how long the prefix is that counts as one client.
	// Zero means 32 and 56: a /56 is what one subscriber commonly gets.
	V4Bits, V6Bits int
	// MaxClients is how many clients without a connection are remembered for
	// their rate, about 64 bytes each. Zero means 65536. Beyond it, whoever was
	// heard of longest ago is forgotten and may begin anew.
	MaxClients int
	// Now is the clock. Nil means [time.Now].
	Now func() time.Time

	once      sync.Once
	epoch     time.Time
	timed     atomic.Bool // some rate needs the clock
	perClient rate
	clients   *group[client] // nil: not limited
	sites     *group[string]
	total     total
	refused   [Total][Rate]atomic.Uint64
	errors    [Total][Rate]Error
}

const (
	defaultV4Bits     = 32
	defaultV6Bits     = 56
	defaultMaxClients = 65536
	maxSites          = 65536 // without a connection
)

func (l *Limiter) start() {
	l.epoch = l.clock()
	l.timed.Store(l.PerClient.Rate > 0 || l.PerSite.Rate > 0 || l.Total.Rate > 0)
	l.perClient, l.total.rate = l.PerClient.rate(), l.Total.rate()
	if l.PerClient != (Limit{}) {
		maxClients := l.MaxClients
		if maxClients <= 0 {
			maxClients = defaultMaxClients
		}
		l.clients = newGroup[client](maxClients)
	}
	l.sites = newGroup[string](maxSites)
	for s := range l.errors {
		for k := range l.errors[s] {
			l.errors[s][k] = Error{Scope: Scope(s + 1), Kind: Kind(k + 1)}
		}
	}
}

func newGroup[K comparable](maxIdle int) *group[K] {
	g := &group[K]{seed: maphash.MakeSeed()}
	for i := range g.shards {
		g.shards[i].maxIdle = (maxIdle + shards - 1) / shards
	}
	return g
}

func (l *Limiter) clock() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

// now is the time since the first use, by the monotonic clock if there is one. To
// ask for it takes as long as all else, so it is not asked for without need.
func (l *Limiter) now() int64 {
	l.once.Do(l.start)
	if !l.timed.Load() {
		return 0
	}
	return int64(l.clock().Sub(l.epoch))
}

// refuse counts a refusal. The error is one that exists already: a flood of
// refusals allocates nothing.
func (l *Limiter) refuse(s Scope, k Kind) error {
	l.refused[s-1][k-1].Add(1)
	return &l.errors[s-1][k-1]
}

// Client takes a connection of the client out of the limits per client and of the
// whole. The error is an [*Error]; nothing is taken then, and the lease is the
// zero value.
func (l *Limiter) Client(addr netip.Addr) (Lease, error) {
	now := l.now()
	byClient, kind := l.askClient(addr, now)
	if kind != 0 {
		return Lease{}, l.refuse(PerClient, kind)
	}
	if kind := l.total.take(now); kind != 0 {
		byClient.drop()
		return Lease{}, l.refuse(Total, kind)
	}
	return Lease{l: l, client: byClient.take(), total: true}, nil
}

// Site takes a connection to the site out of its limit: lim, or PerSite where lim
// is zero. The whole, of which [Limiter.Client] has counted it, is not asked. The sites must be names that the operator chose; one is remembered
// while it has connections or its rate needs it.
func (l *Limiter) Site(site string, lim Limit) (Lease, error) {
	l.once.Do(l.start)
	if lim.Rate > 0 && !l.timed.Load() {
		l.timed.Store(true)
	}
	bySite, kind := l.askSite(site, lim, l.now())
	if kind != 0 {
		return Lease{}, l.refuse(PerSite, kind)
	}
	return Lease{l: l, site: bySite.take()}, nil
}

// Acquire is [Limiter.Client] and [Limiter.Site] with PerSite in one: both or none.
func (l *Limiter) Acquire(client netip.Addr, site string) (Lease, error) {
	now := l.now()
	byClient, kind := l.askClient(client, now)
	if kind != 0 {
		return Lease{}, l.refuse(PerClient, kind)
	}
	bySite, kind := l.askSite(site, Limit{}, now)
	if kind != 0 {
		byClient.drop()
		return Lease{}, l.refuse(PerSite, kind)
	}
	if kind := l.total.take(now); kind != 0 {
		bySite.drop()
		byClient.drop()
		return Lease{}, l.refuse(Total, kind)
	}
	return Lease{l: l, client: byClient.take(), site: bySite.take(), total: true}, nil
}

func (l *Limiter) askClient(addr netip.Addr, now int64) (claim[client], Kind) {
	if l.clients == nil {
		return claim[client]{}, 0
	}
	return l.clients.ask(l.key(addr), l.perClient, now)
}

func (l *Limiter) askSite(site string, lim Limit, now int64) (claim[string], Kind) {
	if lim == (Limit{}) {
		lim = l.PerSite
	}
	if lim == (Limit{}) {
		return claim[string]{}, 0
	}
	return l.sites.ask(site, lim.rate(), now)
}

// total counts the whole.
type total struct {
	rate rate

	mu    sync.Mutex // guards the rest; it is the last one taken
	conns int
	full  int64
}

func (t *total) take(now int64) Kind {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rate.conns > 0 && t.conns >= t.rate.conns {
		return Conns
	}
	full, ok := t.rate.take(t.full, now)
	if !ok {
		return Rate
	}
	t.full = full
	t.conns++
	return 0
}

func (t *total) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns--
}

func (t *total) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns
}

// Lease is a connection that counts. Copies are the same lease: release it once.
// The zero value releases nothing.
type Lease struct {
	l            *Limiter
	client, site slot
	total        bool
}

// Release ends the connection. It must be called once per lease, on one copy.
func (x Lease) Release() {
	if x.l == nil {
		return
	}
	now := x.l.now()
	if x.client.entry != none {
		x.l.clients.release(x.client, now)
	}
	if x.site.entry != none {
		x.l.sites.release(x.site, now)
	}
	if x.total {
		x.l.total.release()
	}
}

// Stats are counts of a [Limiter] at one moment.
type Stats struct {
	// Conns is how many connections are open in all.
	Conns int
	// Clients and Sites are how many are remembered.
	Clients, Sites int
	// Refused counts refusals by what refused them.
	Refused map[Error]uint64
}

// Stats returns the counts.
func (l *Limiter) Stats() Stats {
	l.once.Do(l.start)
	s := Stats{Conns: l.total.count(), Sites: l.sites.known(), Refused: make(map[Error]uint64)}
	if l.clients != nil {
		s.Clients = l.clients.known()
	}
	for i := range l.refused {
		for k := range l.refused[i] {
			if n := l.refused[i][k].Load(); n > 0 {
				s.Refused[l.errors[i][k]] = n
			}
		}
	}
	return s
}
