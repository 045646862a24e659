package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// config is sniproxyd.toml. Nothing of it changes while the daemon runs; the
// routes, which are a file of their own, do.
type config struct {
	TLS       []string       `toml:"tls"`
	HTTP      []string       `toml:"http"`
	QUIC      []string       `toml:"quic"`
	Routes    string         `toml:"routes"`
	Trusted   []netip.Prefix `toml:"trusted"`
	AccessLog string         `toml:"access_log"`
	Engine    string         `toml:"engine"`
	Shards    int            `toml:"shards"`
	Source    string         `toml:"source"`

	Etcd     etcdConfig              `toml:"etcd"`
	Guard    guardConfig             `toml:"guard"`
	Resolver resolverConfig          `toml:"resolver"`
	Sources  map[string]sourceConfig `toml:"sources"`
	Limits   limitsConfig            `toml:"limits"`
	Timeouts timeoutsConfig          `toml:"timeouts"`

	document routes.Document // of the file Routes
}

// guardConfig is [guard].
type guardConfig struct {
	Allow    []netip.Prefix `toml:"allow"`
	Deny     []netip.Prefix `toml:"deny"`
	Ports    []uint16       `toml:"ports"`
	Own      []netip.Addr   `toml:"own"`
	Loopback bool           `toml:"loopback"`
}

// resolverConfig is [resolver].
type resolverConfig struct {
	Servers []netip.AddrPort `toml:"servers"`
	MixCase bool             `toml:"mix_case"`
}

// sourceConfig is [sources.NAME].
type sourceConfig struct {
	Addresses []netip.Addr `toml:"addresses"`
	Pool      netip.Prefix `toml:"pool"`
	NAT46     netip.Prefix `toml:"nat46"`
}

// limitsConfig is [limits].
type limitsConfig struct {
	Client limitConfig `toml:"client"`
	Site   limitConfig `toml:"site"`
	Total  limitConfig `toml:"total"`
}

// limitConfig is one limit.
type limitConfig struct {
	Conns int     `toml:"conns"`
	Rate  float64 `toml:"rate"`
	Burst int     `toml:"burst"`
}

// timeoutsConfig is [timeouts].
type timeoutsConfig struct {
	Hello      daemon.Duration `toml:"hello"`
	Dial       daemon.Duration `toml:"dial"`
	Idle       daemon.Duration `toml:"idle"`
	HalfClosed daemon.Duration `toml:"half_closed"`
	KeepAlive  daemon.Duration `toml:"keep_alive"`
	Drain      daemon.Duration `toml:"drain"`
}

// check finds what is wrong, reads the routes, and fills in defaults.
func (c *config) check() error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(key, err)) }
	for key, list := range map[string][]string{"tls": c.TLS, "http": c.HTTP, "quic": c.QUIC} {
		for i, addr := range list {
			_, _, err := net.SplitHostPort(addr)
			add(fmt.Sprintf("%s[%d]", key, i), err)
		}
	}
	if len(c.TLS)+len(c.HTTP)+len(c.QUIC) == 0 {
		add("tls", errors.New("is missing, and so are http and quic: nobody could connect"))
	}
	_, err := c.engine()
	add("engine", err)
	if len(c.Guard.Allow) == 0 {
		add("guard.allow", errors.New("is missing: no server would be allowed"))
	}
	for name, s := range c.Sources {
		add("sources."+name, s.source().Validate())
	}
	if c.Source != "" && c.sources()[c.Source] == nil {
		add("source", errors.New("is not one of sources"))
	}
	errs = append(errs, c.Etcd.check())
	c.Timeouts.Drain = cmp.Or(c.Timeouts.Drain, daemon.Duration(10*time.Minute))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.Etcd.Set() {
		return nil
	}
	return daemon.Field("routes", c.readRoutes())
}

// readRoutes reads the routes, and tries them.
func (c *config) readRoutes() error {
	c.Routes = cmp.Or(c.Routes, "/etc/sniproxyd/routes.toml")
	if !filepath.IsAbs(c.Routes) {
		return errors.New("is not an absolute path")
	}
	text, err := os.ReadFile(c.Routes)
	if err != nil {
		return err
	}
	meta, err := toml.Decode(string(text), &c.document)
	if err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return fmt.Errorf("%s:%d: %s: %s", c.Routes, syntax.Position.Line, syntax.LastKey, syntax.Message)
		}
		return fmt.Errorf("%s: %w", c.Routes, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("%s: unknown key %q", c.Routes, unknown[0].String())
	}
	if err := c.set(nil).Replace(c.document); err != nil {
		return fmt.Errorf("%s: %w", c.Routes, err)
	}
	return nil
}

// changed names the settings that differ, which need a restart.
func (c *config) changed(to *config) []string {
	var keys []string
	old, now := reflect.ValueOf(c).Elem(), reflect.ValueOf(to).Elem()
	for i := range old.NumField() {
		key := old.Type().Field(i).Tag.Get("toml")
		if key != "" && !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (c *config) engine() (sniproxy.Engine, error) {
	switch c.Engine {
	case "", "auto":
		return sniproxy.Auto, nil
	case "epoll":
		return sniproxy.Epoll, nil
	case "portable":
		return sniproxy.Portable, nil
	}
	return 0, errors.New("is not auto, epoll or portable")
}

// guard is for servers, with the machine's own addresses.
func (c *config) guard() *backend.Guard {
	own := &backend.OwnAddrs{Extra: c.Guard.Own}
	return &backend.Guard{
		Allow: c.Guard.Allow, Deny: c.Guard.Deny, Ports: c.Guard.Ports, Loopback: c.Guard.Loopback, Self: own.Addrs,
	}
}

// cache is for names, or nil without a resolver.
func (c *config) cache() *backend.Cache {
	if len(c.Resolver.Servers) == 0 {
		return nil
	}
	return &backend.Cache{Resolver: &backend.DNSResolver{Servers: c.Resolver.Servers, MixCase: c.Resolver.MixCase}}
}

// set is an empty set of routes.
func (c *config) set(cache *backend.Cache) *routes.Set {
	if cache == nil {
		cache = c.cache() // is asked by nobody
	}
	sources := c.sources()
	return &routes.Set{Guard: c.guard(), Cache: cache, Sources: sources, Source: sources[c.Source]}
}

func (c *config) sources() map[string]*backend.Source {
	all := make(map[string]*backend.Source, len(c.Sources))
	for name, s := range c.Sources {
		all[name] = s.source()
	}
	return all
}

func (s sourceConfig) source() *backend.Source {
	return &backend.Source{Addrs: s.Addresses, Pool: s.Pool, NAT46: s.NAT46}
}

func (l limitConfig) limit() limit.Limit {
	return limit.Limit{Conns: l.Conns, Rate: l.Rate, Burst: l.Burst}
}

func (c *config) limiter() *limit.Limiter {
	return &limit.Limiter{PerClient: c.Limits.Client.limit(), PerSite: c.Limits.Site.limit(), Total: c.Limits.Total.limit()}
}

func (t timeoutsConfig) timeouts() sniproxy.Timeouts {
	return sniproxy.Timeouts{
		Hello: time.Duration(t.Hello), Dial: time.Duration(t.Dial), Idle: time.Duration(t.Idle),
		HalfClosed: time.Duration(t.HalfClosed), KeepAlive: time.Duration(t.KeepAlive),
	}
}

// quic has the same for hellos and dialling; idle is of the protocol's own measure.
func (t timeoutsConfig) quic() quic.Timeouts {
	return quic.Timeouts{Hello: time.Duration(t.Hello), Dial: time.Duration(t.Dial)}
}

// needsRestart says which settings a reload cannot change.
func needsRestart(keys []string) error {
	return fmt.Errorf("only the routes can change while the proxy runs; restart it (SIGUSR2) for a new %s", strings.Join(keys, ", "))
}
