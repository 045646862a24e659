package sniproxy

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/limit"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// A flow is one client connection as limits, counters and logs know it, whatever
// engine moves its bytes. One goroutine at a time uses it.
type flow struct {
	run      *running
	id       uint64
	start    time.Time
	proto    Proto
	proxyIn  proxyheader.Version
	proxyOut proxyheader.Version
	result   Result
	client   netip.AddrPort
	local    netip.AddrPort
	front    netip.AddrPort
	name     string
	site     *site
	backend  Backend
	addr     netip.AddrPort // of the backend; valid once connected
	byClient limit.Lease
	bySite   limit.Lease

	helloSize           int
	helloTook, dialTook time.Duration
	received, sent      int64
	counted             [2]int64 // of received and sent, what the site's counters have
	err                 error
}

// begin counts a connection that was accepted. A front's own address is not what
// limits count: [flow.opened] does that later.
func (f *flow) begin(r *running, proto Proto, client, local netip.AddrPort, now time.Time) *RefusedError {
	f.run, f.proto, f.start = r, proto, now
	f.client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
	f.local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	f.result = Aborted
	f.id = r.counts.lastID.Add(1)
	r.counts.accepted.Add(1)
	r.counts.active.Add(1)
	if f.fromFront() {
		f.front = f.client
		return nil
	}
	return f.limitClient()
}

func (f *flow) fromFront() bool {
	return len(f.run.Trusted) != 0 && trusted(f.run.Trusted, f.client.Addr())
}

func (f *flow) limitClient() *RefusedError {
	if f.run.Limiter == nil {
		return nil
	}
	lease, err := f.run.Limiter.Client(f.client.Addr())
	if err != nil {
		return refuse(Limited, err)
	}
	f.byClient = lease
	return nil
}

// headed takes over what a front's header says.
func (f *flow) headed(h *frontHeader) *RefusedError {
	if !h.wanted {
		return nil
	}
	f.proxyIn = h.version
	if h.client.IsValid() {
		f.client, f.local = h.client, h.local
	}
	return f.limitClient()
}

// uniqueID is the connection's name in logs and headers.
func (f *flow) uniqueID() string {
	return f.run.idBase + "-" + strconv.FormatUint(f.id, 36)
}

// route asks the router, and counts the connection towards the site it names.
func (f *flow) route(req *Request) (Decision, *RefusedError) {
	d, err := f.run.Router.Route(req)
	*req = Request{} // it may be one that is used again
	if err != nil {
		return d, routeRefusal(err)
	}
	if d.Backend == nil {
		return d, refuse(Denied, ErrDenied)
	}
	return d, f.enter(&d)
}

// enter counts the flow as one of the site's, leaving the one before.
func (f *flow) enter(d *Decision) *RefusedError {
	f.leave()
	if f.run.Limiter != nil {
		lease, err := f.run.Limiter.Site(d.Site, d.Limit)
		if err != nil {
			return refuse(Limited, err)
		}
		f.bySite = lease
	}
	f.site = f.run.site(d.Site)
	f.site.connections.Add(1)
	f.site.active.Add(1)
	f.proxyOut = d.Proxy
	return nil
}

// leave ends what enter began.
func (f *flow) leave() {
	if f.site == nil {
		return
	}
	f.disconnected()
	f.settleReceived()
	f.settleSent()
	f.bySite.Release()
	f.bySite = limit.Lease{}
	f.site.active.Add(-1)
	f.site = nil
}

// connected notes the backend that took the connection.
func (f *flow) connected(d *Decision, addr netip.AddrPort) {
	f.backend, f.addr, f.result = d.Backend, addr, Routed
}

// disconnected tells the backend that its connection ended.
func (f *flow) disconnected() {
	if f.backend != nil {
		f.backend.Closed(f.addr)
		f.backend = nil
	}
}

// settleAt is how many bytes may be missing in a site's counters.
const settleAt = 1 << 20

// took counts bytes of the client.
func (f *flow) took(n int) {
	if f.received += int64(n); f.received-f.counted[0] >= settleAt {
		f.settleReceived()
	}
}

// gave counts bytes to the client. It may run at the same time as took.
func (f *flow) gave(n int) {
	if f.sent += int64(n); f.sent-f.counted[1] >= settleAt {
		f.settleSent()
	}
}

func (f *flow) settleReceived() {
	if f.site != nil {
		f.site.received.Add(uint64(f.received - f.counted[0]))
	}
	f.counted[0] = f.received
}

func (f *flow) settleSent() {
	if f.site != nil {
		f.site.sent.Add(uint64(f.sent - f.counted[1]))
	}
	f.counted[1] = f.sent
}

// refused notes why the connection goes nowhere.
func (f *flow) refused(e *RefusedError) {
	f.result, f.err = e.Result, e
}

// broke notes what ended the relaying early.
func (f *flow) broke(err error) {
	if f.err == nil {
		f.err = err
	}
}

// end is the end of the connection: everything that counted it is told. rec is
// where the observer's record is made.
func (f *flow) end(now time.Time, rec *Record) {
	site := f.site
	f.leave()
	f.byClient.Release()
	f.run.counts.active.Add(-1)
	f.run.counts.results[f.result].Add(1)
	if o := f.run.Observer; o != nil && o.Connection != nil {
		*rec = f.record(now)
		if site != nil {
			rec.Site = site.name
		}
		o.Connection(rec)
	}
}

func (f *flow) record(now time.Time) Record {
	rec := Record{
		ID: f.uniqueID(), Proto: f.proto, Start: f.start,
		Client: f.client, Local: f.local, Front: f.front,
		Name: f.name, Backend: f.addr, Result: f.result, Err: f.err,
		ProxyIn: f.proxyIn, ProxyOut: f.proxyOut,
		HelloSize: f.helloSize, HelloTook: f.helloTook, DialTook: f.dialTook,
		Took: now.Sub(f.start), Received: f.received, Sent: f.sent,
	}
	if f.site != nil {
		rec.Site = f.site.name
	}
	return rec
}
