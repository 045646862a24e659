package acmetest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// The key and the password of a [Mythic] that was given none.
const (
	MythicKeyID    = "fakekey1"
	MythicSecret   = "fakesecret"
	MythicPassword = "fakepassword"
)

// MythicOptions are how a [Mythic] begins. The zero value has the zone example.com,
// with all rights for the key [MythicKeyID].
type MythicOptions struct {
	// Zones are those of the account; none means example.com.
	Zones []string
	// Keys are those of the DNS API v2; none means one with all rights.
	Keys []MythicKey
	// Passwords are those of the DNS API v1, by zone. Nil means that every zone has
	// [MythicPassword].
	Passwords map[string]string
	// Delay is how long a change takes to be in the DNS.
	Delay time.Duration
	// Latency is how long each request takes.
	Latency time.Duration
	// TokenLife is how long tokens are good; zero means 300 s.
	TokenLife time.Duration
	// KeepAlive is how long idle connections live; zero means 5 s.
	KeepAlive time.Duration
	// Listener is where it is served, by TLS; nil means a port of the loopback
	// interface. Dial is how Client connects; nil means the net package's way.
	Listener net.Listener
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// MythicKey is a key of the DNS API v2.
type MythicKey struct {
	ID, Secret string
	// Zones, Hosts and Types are what it may see and change; none of a kind means all.
	// Hosts are relative to the zone, and patterns of path.Match. With Hosts or Types
	// it may use only paths that name one of each.
	Zones, Hosts, Types []string
}

// Mythic is a fake of the Mythic Beasts DNS API, versions 1 and 2, and of the server
// that keys log in at. It answers as documented, and as recordings of the real one do
// where there are any; texts of other errors are its own. Bodies in zone-file format
// are refused.
//
// Changes are carried out at once, and reach the DNS after [MythicOptions].Delay;
// ?verify says 409 until then.
type Mythic struct {
	t      testing.TB
	opts   MythicOptions
	server *httptest.Server
	client *http.Client
	dns    dns01.Provider // nil for none

	publishing sync.Mutex // held while changes are put into the DNS, one after the other

	mu       sync.Mutex // guards what is below
	closed   bool
	ahead    time.Duration // of the clock that tokens end by
	zones    map[string]*mythicZone
	tokens   map[string]mythicToken
	faults   []*MythicFault
	requests []MythicRequest
	logins   int
	pending  []mythicUpdate
	timers   []*time.Timer
}

// NewMythic starts a fake that lasts as long as the test. TXT records are written into
// dns, a [DNS] for instance; nil means that there is none.
func NewMythic(t testing.TB, dns dns01.Provider, opts MythicOptions) *Mythic {
	t.Helper()
	if len(opts.Zones) == 0 {
		opts.Zones = []string{"example.com"}
	}
	if len(opts.Keys) == 0 {
		opts.Keys = []MythicKey{{ID: MythicKeyID, Secret: MythicSecret}}
	}
	if opts.TokenLife == 0 {
		opts.TokenLife = 300 * time.Second
	}
	if opts.KeepAlive == 0 {
		opts.KeepAlive = 5 * time.Second
	}
	m := &Mythic{t: t, opts: opts, dns: dns, zones: make(map[string]*mythicZone), tokens: make(map[string]mythicToken)}
	for _, zone := range opts.Zones {
		m.zones[mythicName(zone)] = &mythicZone{}
	}
	m.server = httptest.NewUnstartedServer(m.handler())
	if opts.Listener != nil {
		_ = m.server.Listener.Close()
		m.server.Listener = opts.Listener
	}
	m.server.Config.IdleTimeout = opts.KeepAlive
	m.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that end early
	m.server.StartTLS()
	m.client = m.trusting()
	t.Cleanup(m.close)
	return m
}

// trusting is a client of the fake.
func (m *Mythic) trusting() *http.Client {
	transport := m.server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = m.opts.Dial
	return &http.Client{Transport: transport}
}

func (m *Mythic) close() {
	m.client.CloseIdleConnections()
	m.server.Close()
	m.publishing.Lock()
	defer m.publishing.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, timer := range m.timers {
		timer.Stop()
	}
}

// API is the address of the DNS API v2.
func (m *Mythic) API() string { return m.server.URL + "/dns/v2" }

// Login is the address that keys log in at.
func (m *Mythic) Login() string { return m.server.URL + "/login" }

// V1 is the address of the DNS API v1.
func (m *Mythic) V1() string { return m.server.URL + "/" }

// Client trusts the fake's certificate.
func (m *Mythic) Client() *http.Client { return m.client }

// Advance puts the clock that tokens end by forward.
func (m *Mythic) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += d
}

// RevokeTokens makes all tokens bad that were given out so far.
func (m *Mythic) RevokeTokens() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.tokens)
}

// CloseConnections closes all connections of clients.
func (m *Mythic) CloseConnections() { m.server.CloseClientConnections() }

// Records are those of a zone, in the order in which they were added.
func (m *Mythic) Records(zone string) []MythicRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[mythicName(zone)]
	if z == nil {
		return nil
	}
	return slices.Clone(z.records)
}

// AddRecord puts records into a zone, at once and also those that only the service
// makes. They are not written into the DNS.
func (m *Mythic) AddRecord(zone string, records ...MythicRecord) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[mythicName(zone)]
	if z == nil {
		m.t.Errorf("acmetest: the account has no zone %q", zone)
		return
	}
	z.records = append(z.records, records...)
	z.visible = append(z.visible, records...)
}

// AddZone adds an empty zone to the account.
func (m *Mythic) AddZone(zone string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.zones[mythicName(zone)] = &mythicZone{}
}
