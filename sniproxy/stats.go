package sniproxy

import (
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// A Record is one connection, or one request of an HTTP connection, at its end: what
// an access log has a line for.
type Record struct {
	ID            string // of the connection, as in the PROXY header's UNIQUE_ID
	Proto         Proto
	Start         time.Time
	Client, Local netip.AddrPort
	Front         netip.AddrPort // the trusted front that it came by; zero = none
	Name          string         // what the client asked for; canonical, "" = none or unreadable
	Site          string         // "" = not routed
	Backend       netip.AddrPort // zero = none reached
	Result        Result
	Err           error // why, unless Result is Routed; or what ended the relaying early
	ProxyIn       proxyheader.Version
	ProxyOut      proxyheader.Version
	HelloSize     int           // bytes of the ClientHello message or the HTTP head
	HelloTook     time.Duration // from accept until it was whole
	DialTook      time.Duration // from the decision to the connection
	Took          time.Duration // all of it
	Received      int64         // bytes of the client
	Sent          int64         // bytes to the client
	Method        string        // of a request
	Status        int           // of the response to a request; 0 = none was sent
}

// An Observer is told what happens. Each field may be nil. They are called from
// where connections are served and must not block; what they are passed is valid
// during the call only.
type Observer struct {
	// Connection is called at the end of each connection.
	Connection func(*Record)
	// Request is called at the end of each HTTP request.
	Request func(*Record)
	// Dialled is called at the end of each attempt to reach a backend, but for
	// those that were given up because another was quicker.
	Dialled func(site string, addr netip.AddrPort, err error, took time.Duration)
}

// Stats are counts since the server started, and what is open now.
type Stats struct {
	// Active is how many client connections are open.
	Active int64
	// Accepted is how many there were.
	Accepted uint64
	// Results counts connections, and requests that were refused, by what became
	// of them; see [Stats.Result].
	Results [results]uint64
	// Requests is how many HTTP requests there were.
	Requests uint64
	// Pipes is how many pipes the Epoll engine has for splicing.
	Pipes int64
	// AcceptFailed is how often accept failed for want of descriptors or memory.
	AcceptFailed uint64
	// Sites are the sites that connections were routed to.
	Sites map[string]SiteStats
}

// Result returns the count of one result.
func (s *Stats) Result(r Result) uint64 { return s.Results[r] }

// SiteStats are the counts of a site.
type SiteStats struct {
	Active         int64  // connections that are open
	Connections    uint64 // how many there were; for HTTP, connections to backends
	Requests       uint64 // HTTP requests
	Received, Sent uint64 // bytes of clients and to clients, up to 1 MiB late for each connection
}
