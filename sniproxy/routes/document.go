package routes

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// ErrDocument says that a document is wrong. What it stands for stays as it was.
var ErrDocument = errors.New("routes: bad document")

// Document is all that is routed.
type Document struct {
	Sites []Site `json:"sites" toml:"site"`
}

// Site is what an operator writes about one site: where its names lead, either
// to Backends or by Lookup.
type Site struct {
	// Name is its key in metrics, limits and logs. Empty means the first of
	// Names, or "default" and "no-name" for a site without any.
	Name string `json:"name,omitempty" toml:"name"`
	// Names are host names and wildcards ("*.example.com"); see [sniproxy.Site].
	Names []string `json:"names,omitempty" toml:"names"`
	// Default takes names that no site has, NoName clients that say none. One
	// site of a document may do each.
	Default bool `json:"default,omitempty" toml:"default"`
	NoName  bool `json:"no_name,omitempty" toml:"no_name"`

	// Backends are the site's servers.
	Backends []Backend `json:"backends,omitempty" toml:"backend"`
	// Lookup finds the servers by the AAAA records of a host name; "*" means the
	// name that the client asks for.
	Lookup string `json:"lookup,omitempty" toml:"lookup"`

	// TLSPort and HTTPPort are the servers' ports. Zero means 443 and 80, less
	// than zero that the site is not there for such clients. TLSPort is that of
	// QUIC too.
	TLSPort  int `json:"tls_port,omitempty" toml:"tls_port"`
	HTTPPort int `json:"http_port,omitempty" toml:"http_port"`

	// Proxy is the PROXY header that servers get. With TLVs it is version 2.
	Proxy proxyheader.Version `json:"proxy,omitempty" toml:"proxy"`
	TLVs  proxyheader.TLVSet  `json:"tlvs,omitempty" toml:"tlvs"`
	// Source names one of [Set.Sources]; empty means [Set.Source].
	Source string `json:"source,omitempty" toml:"source"`
	// Balance is "roundrobin", "leastconnections" or "sticky". Empty is the first.
	Balance string `json:"balance,omitempty" toml:"balance"`
	// Limit bounds the site, in place of what the server has for all.
	Limit Limit `json:"limit,omitzero" toml:"limit"`
	// Check looks at servers actively. Nil judges them by the connections that
	// are made.
	Check *Check `json:"check,omitempty" toml:"check"`
}

// Backend is a server of a site.
type Backend struct {
	Addr netip.Addr `json:"addr" toml:"addr"`
	// Weight is its share; zero means 1.
	Weight int `json:"weight,omitempty" toml:"weight"`
	// Drain lets no new connections go to it.
	Drain bool `json:"drain,omitempty" toml:"drain"`
}

// Limit is a [limit.Limit].
type Limit struct {
	Conns int     `json:"conns,omitempty" toml:"conns"`
	Rate  float64 `json:"rate,omitempty" toml:"rate"` // new connections a second
	Burst int     `json:"burst,omitempty" toml:"burst"`
}

// Check is how servers are looked at: by a TLS handshake or an HTTP request
// under the site's first name, behind the PROXY header that the site has.
type Check struct {
	// Path is fetched; empty means that connecting, and for TLS the handshake, is
	// enough.
	Path string `json:"path,omitempty" toml:"path"`
	// Every is the time between two checks, in seconds. Zero means 10.
	Every float64 `json:"every,omitempty" toml:"every"`
	// Fall and Rise are how many failures make a server down, and how many
	// successes bring it back. Zero means 3 and 2.
	Fall int `json:"fall,omitempty" toml:"fall"`
	Rise int `json:"rise,omitempty" toml:"rise"`
}

// clone is a copy that the caller's changes do not reach.
func (s *Site) clone() Site {
	out := *s
	out.Names, out.Backends = slices.Clone(s.Names), slices.Clone(s.Backends)
	if s.Check != nil {
		c := *s.Check
		out.Check = &c
	}
	return out
}

// same reports whether nothing differs.
func (s *Site) same(to *Site) bool { return reflect.DeepEqual(s, to) }

// key is the site's name in metrics.
func (s *Site) key() string {
	switch {
	case s.Name != "":
		return s.Name
	case len(s.Names) > 0:
		return strings.ToLower(s.Names[0])
	case s.Default:
		return "default"
	}
	return "no-name"
}

// host is the name that checks ask for.
func (s *Site) host() string {
	for _, n := range s.Names {
		if !strings.HasPrefix(n, "*.") {
			return n
		}
	}
	return ""
}

// limit is for the server.
func (s *Site) limit() limit.Limit {
	return limit.Limit{Conns: s.Limit.Conns, Rate: s.Limit.Rate, Burst: s.Limit.Burst}
}

// port is that of TLS or HTTP; zero means that the site is not there.
func port(configured int, usual uint16) (uint16, error) {
	switch {
	case configured == 0:
		return usual, nil
	case configured < 0:
		return 0, nil
	case configured > 65535:
		return 0, fmt.Errorf("port %d is above 65535", configured)
	}
	return uint16(configured), nil
}

// balances are those that Site.Balance names.
func balance(name string) (backend.Balance, error) {
	all := []backend.Balance{backend.RoundRobin, backend.LeastConnections, backend.Sticky}
	for _, b := range all {
		if name == b.String() || name == "" {
			return b, nil
		}
	}
	return 0, fmt.Errorf("balance %q is not roundrobin, leastconnections or sticky", name)
}

// check says what is wrong with one site alone.
func (s *Site) check(set *Set) error {
	switch {
	case len(s.Names) == 0 && !s.Default && !s.NoName:
		return errors.New("it has no names")
	case (len(s.Backends) == 0) == (s.Lookup == ""):
		return errors.New("it needs either backends or a lookup")
	case s.Lookup != "" && set.Cache == nil:
		return errors.New("it has a lookup, and this proxy has no resolver")
	case s.Lookup == "*" && s.NoName:
		return errors.New(`the client's name cannot be looked up when there is none`)
	case s.Lookup != "" && s.Check != nil:
		return errors.New("servers that are looked up cannot be checked")
	case s.TLVs != 0 && s.Proxy != proxyheader.V2:
		return errors.New(`tlvs need proxy = "v2"`)
	case s.Source != "" && set.Sources[s.Source] == nil:
		return fmt.Errorf("no source is called %q", s.Source)
	}
	if l := s.Limit; l.Conns < 0 || l.Rate < 0 || l.Burst < 0 {
		return errors.New("it has a limit below zero")
	}
	if _, err := balance(s.Balance); err != nil {
		return err
	}
	return s.checkBackends(set.Guard)
}

// checkBackends refuses servers that would be refused when they are dialled.
func (s *Site) checkBackends(g *backend.Guard) error {
	ports, err := s.ports()
	if err != nil {
		return err
	}
	if ports == [2]uint16{} {
		return errors.New("it is there neither for TLS nor for HTTP")
	}
	for _, p := range ports {
		if p == 0 || len(s.Backends) == 0 {
			continue
		}
		if err := backend.ValidateMembers(s.members(p)); err != nil {
			return err
		}
		for _, m := range s.members(p) {
			if err := g.Check(m.Addr); err != nil {
				return err
			}
		}
	}
	return nil
}

// ports are those of TLS and of HTTP.
func (s *Site) ports() (ports [2]uint16, err error) {
	if ports[0], err = port(s.TLSPort, 443); err != nil {
		return ports, fmt.Errorf("tls_port: %w", err)
	}
	if ports[1], err = port(s.HTTPPort, 80); err != nil {
		return ports, fmt.Errorf("http_port: %w", err)
	}
	return ports, nil
}

func (s *Site) members(port uint16) []backend.Member {
	list := make([]backend.Member, len(s.Backends))
	for i, b := range s.Backends {
		list[i] = backend.Member{Addr: netip.AddrPortFrom(b.Addr, port), Weight: b.Weight}
	}
	return list
}

// seconds is a duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
