package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// Server serves zones. The zero value answers questions about what is published,
// and lets nobody transfer it. Its fields must not change while it serves.
type Server struct {
	// Keys are the TSIG keys that requests may be signed with.
	Keys []Key
	// AllowSHA1 takes keys of [HMACSHA1] as well.
	AllowSHA1 bool
	// Default is who may do what with zones that Zone says nothing of.
	Default Config
	// Zone is who may do what with a zone; nil, and false, mean Default. It is called
	// for each request and publication, by many goroutines.
	Zone func(origin dnssec.Name) (Config, bool)
	// Notified is called when a primary says that a zone has changed; it returns at
	// once, and false if the zone or the sender is not known. See [Puller.Notified].
	// Nil refuses all.
	Notified func(n Notification) bool
	// TLS is for transfers by TLS (RFC 9103); 1.3 is the least version there.
	TLS *tls.Config
	// History is how many snapshots of a zone are kept for incremental transfers;
	// zero means 32, less means none. They share what did not change, if each
	// was made from the one before, as [dnssec.Signer] and [dnssec.Zone.Update] do;
	// otherwise only as many are kept as have no more records than the zone itself.
	History int
	// Limits bound what peers may use.
	Limits Limits
	// Retry is how NOTIFY is repeated.
	Retry Retry
	// Dial connects to those who are told of changes; nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Log is told of transfers and notifications; nil discards.
	Log *slog.Logger

	mu       sync.RWMutex // guards what is below
	zones    map[dnssec.Name]*entry
	couriers map[Peer]*courier
	running  *group // nil while the server does not run

	keys     keyring
	counters counters
	replays  replays
	slots    slots
}

// Notification is what a primary says: a zone has changed.
type Notification struct {
	// Zone is which.
	Zone dnssec.Name
	// From is who says so.
	From netip.AddrPort
	// Key is the name of the TSIG key that the message was signed with, in lower case
	// and with the dot at its end; "" is none.
	Key string
	// Serial is the new one, if HasSerial.
	Serial    uint32
	HasSerial bool
}

// Limits bound what the peers of a server may use. Zero means what is said.
type Limits struct {
	// Connections is how many may be open at once: 1024, and of one address 128.
	// One more is closed.
	Connections, ConnectionsPerAddress int
	// Transfers is how many go on at once: 32. Others wait for TransferWait, 30 s,
	// and then get SERVFAIL.
	Transfers    int
	TransferWait time.Duration
	// Idle is how long a connection may be silent between requests: 10 s.
	Idle time.Duration
	// Write is how long 64 KiB of a transfer may take to be taken: 30 s.
	Write time.Duration
	// Transfer is how long one may take in all: an hour.
	Transfer time.Duration
	// Drain is how long transfers may go on once the server is to end: 10 s.
	Drain time.Duration
}

// Retry is how NOTIFY is repeated. Zero means what is said.
type Retry struct {
	// First is how long the first answer is waited for, 2 s; each try waits twice as
	// long as the one before, up to Max, 5 min.
	First, Max time.Duration
	// Tries is how often it is said: 20.
	Tries int
	// Parallel is how many messages one peer has unanswered at once: 16.
	Parallel int
}

// Listeners are where a server listens.
type Listeners struct {
	UDP []net.PacketConn
	TCP []net.Listener
	// TLS are TCP listeners where TLS is spoken.
	TLS []net.Listener
}
