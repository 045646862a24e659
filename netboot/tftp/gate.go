package tftp

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// gate lets requests in: it knows the transfers that run, and what each client
// has had. It is shared by all Serve calls of a Server.
type gate struct {
	perClient, total int
	rate             float64

	mu        sync.Mutex // guards what follows
	transfers map[key]*transfer
	clients   map[clientKey]*client
	order     []*transfer // all transfers, oldest first
	conns     map[net.PacketConn]func()
	closing   bool
	idle      chan struct{} // closed when closing and nothing runs
}

// clientKey is a client as limits count them: its ports do not matter.
type clientKey struct {
	iface string
	addr  netip.Addr
}

// key is a client's port, where its request came in.
type key struct {
	serving *serving
	peer    netip.AddrPort
	local   netip.Addr
	iface   int
}

// client is what a client has had lately.
type client struct {
	budget  float64 // requests it may make now
	at      time.Time
	running int
	told    time.Time // when an observer last heard that it is over a limit
}

const (
	tellEvery  = time.Second // of a client that is over a limit
	sweepAt    = 4096        // clients above which idle ones are forgotten
	maxClients = 16384
)

// enter notes a Serve. It reports false when the server is shut down.
func (g *gate) enter(conn net.PacketConn, stop func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return false
	}
	if g.conns == nil {
		g.conns = make(map[net.PacketConn]func())
		g.transfers = make(map[key]*transfer)
		g.clients = make(map[clientKey]*client)
	}
	g.conns[conn] = stop
	return true
}

func (g *gate) leave(conn net.PacketConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, conn)
}

// close lets nobody in any more. What it returns is closed when all have left.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closing = true
	if g.idle == nil {
		g.idle = make(chan struct{})
		g.checkIdle()
	}
	return g.idle
}

// checkIdle is called with mu held.
func (g *gate) checkIdle() {
	if g.idle != nil && len(g.order) == 0 {
		select {
		case <-g.idle:
		default:
			close(g.idle)
		}
	}
}

// cut ends all transfers.
func (g *gate) cut() {
	g.mu.Lock()
	all := slices.Clone(g.order)
	g.mu.Unlock()
	for _, t := range all {
		t.cancel(ErrStopped)
	}
}

// release has every Serve return.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, stop := range g.conns {
		stop()
	}
}

func (g *gate) isClosing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closing
}

func (g *gate) active() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.order)
}

// spend takes one request out of a client's budget. When it has none left, ok
// is false; tell then says whether to make it known.
func (g *gate) spend(k clientKey, now time.Time) (ok, tell bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.client(k, now)
	if c == nil {
		return false, false
	}
	if c.budget >= 1 {
		c.budget--
		return true, false
	}
	return false, c.tell(now)
}

// tell reports whether to make a refusal known; it is called with mu held.
func (c *client) tell(now time.Time) bool {
	if now.Sub(c.told) < tellEvery {
		return false
	}
	c.told = now
	return true
}

// client returns the entry of k with its budget brought up to now, or nil when
// there are too many clients. It is called with mu held.
func (g *gate) client(k clientKey, now time.Time) *client {
	burst := 2 * g.rate
	c := g.clients[k]
	if c == nil {
		if len(g.clients) >= sweepAt {
			g.sweep(now)
		}
		if len(g.clients) >= maxClients {
			return nil
		}
		c = &client{budget: burst, at: now}
		g.clients[k] = c
	}
	c.budget = min(burst, c.budget+now.Sub(c.at).Seconds()*g.rate)
	c.at = now
	return c
}

// sweep forgets clients whose budget is full again and who have no transfer.
func (g *gate) sweep(now time.Time) {
	for k, c := range g.clients {
		if c.running == 0 && now.Sub(c.at) > 2*time.Second {
			delete(g.clients, k)
		}
	}
}

// verdict is what becomes of a request.
type verdict uint8

const (
	letIn   verdict = iota
	repeat          // of the transfer that is returned
	ignore          // nothing is to be done
	tooMany         // over a limit
)

// admit lets t in or says why not. Transfers that have to make room for it are
// in ended. For a repetition it returns the transfer that runs.
func (g *gate) admit(t *transfer, now time.Time) (v verdict, running *transfer, ended []evicted) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return ignore, nil, nil
	}
	if old := g.transfers[t.key]; old != nil {
		switch {
		case old.sameRequest(t) && old.phase() < answered:
			return repeat, old, nil
		case old.sameRequest(t) && old.moving(now):
			return ignore, nil, nil // the network delivered it late
		}
		ended = append(ended, evicted{old, ErrReplaced})
		g.supersede(old)
	}
	c := g.client(t.clientKey, now)
	if c == nil {
		return tooMany, nil, ended
	}
	for c.running >= g.perClient || len(g.order) >= g.total {
		ofClient := c.running >= g.perClient
		old := g.oldest(func(o *transfer) bool {
			return o.phase() == waiting && (!ofClient || o.clientKey == t.clientKey)
		})
		if old == nil && ofClient {
			// A boot ROM that gives a file up, or loses its power, does not
			// say so, and asks for the next: what it left stands still.
			old = g.oldest(func(o *transfer) bool {
				return o.phase() == answered && !o.moving(now) && o.clientKey == t.clientKey
			})
		}
		if old == nil {
			return g.full(c, now), nil, ended
		}
		ended = append(ended, evicted{old, ErrLimit})
		g.remove(old)
	}
	g.transfers[t.key] = t
	g.order = append(g.order, t)
	c.running++
	return letIn, nil, ended
}

// evicted is a transfer that has to end, and why.
type evicted struct {
	t     *transfer
	cause error
}

// full is the verdict over a client that finds no room.
func (g *gate) full(c *client, now time.Time) verdict {
	if c.tell(now) {
		return tooMany
	}
	return ignore
}

// oldest returns the oldest transfer that matches, nil when none does. It is
// called with mu held.
func (g *gate) oldest(match func(*transfer) bool) *transfer {
	for _, t := range g.order {
		if match(t) {
			return t
		}
	}
	return nil
}

// supersede makes room for a new transfer under the key of t. One that is still
// in its Handler goes on counting until that returns, or a Handler that hangs
// could be given any number. It is called with mu held.
func (g *gate) supersede(t *transfer) {
	delete(g.transfers, t.key)
	if t.phase() != opening {
		g.remove(t)
	}
}

// done notes the end of a transfer.
func (g *gate) done(t *transfer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(t)
}

// remove is called with mu held; a transfer may be removed twice.
func (g *gate) remove(t *transfer) {
	i := slices.Index(g.order, t)
	if i < 0 {
		return
	}
	g.order = slices.Delete(g.order, i, i+1)
	if g.transfers[t.key] == t {
		delete(g.transfers, t.key)
	}
	if c := g.clients[t.clientKey]; c != nil {
		c.running--
	}
	g.checkIdle()
}
