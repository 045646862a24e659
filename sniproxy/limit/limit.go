package limit

import (
	"net/netip"
	"time"
)

// Limit bounds one client, one site or the whole. The zero value does not.
type Limit struct {
	// Conns is how many connections may be open at a time. Zero means any number.
	Conns int
	// Rate is how many may be opened per second in the long run. Zero means any.
	Rate float64
	// Burst is how many of them may be opened at once. Zero means Rate rounded
	// up, at least 1.
	Burst int
}

// Limiter counts connections and refuses those beyond its limits. The zero value
// refuses none. The fields must not change once it is in use. It is safe for use
// by many goroutines at once.
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
	// their rate. Zero means 65536. Beyond it, whoever was heard of longest ago is
	// forgotten and may begin anew.
	MaxClients int
	// Now is the clock. Nil means [time.Now].
	Now func() time.Time
}

// Client takes a connection of the client out of the limits per client and of the
// whole. The error is an [*Error], and the lease of no effect then.
func (l *Limiter) Client(client netip.Addr) (Lease, error) { return Lease{}, nil }

// Site takes a connection to the site out of its limit: lim, or PerSite where lim
// is zero.
func (l *Limiter) Site(site string, lim Limit) (Lease, error) { return Lease{}, nil }

// Acquire is Client and Site in one, with PerSite: both or none.
func (l *Limiter) Acquire(client netip.Addr, site string) (Lease, error) { return Lease{}, nil }

// Lease is a connection that counts. Copies are the same lease: release it once.
// The zero value releases nothing.
type Lease struct {
	l *Limiter
}

// Release ends the connection. It must be called once per lease, on one copy.
func (l Lease) Release() {}

// Stats are counts of a [Limiter] at one moment.
type Stats struct {
	// Conns is how many leases are held, Clients and Sites how many are known.
	Conns, Clients, Sites int
	// Refused counts refusals, by scope and kind.
	Refused map[Error]uint64
}

// Stats returns the counts.
func (l *Limiter) Stats() Stats { return Stats{} }
