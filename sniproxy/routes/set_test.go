package routes_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

var guard = &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}, Ports: []uint16{80, 443, 8443}}

func server(n int) routes.Backend {
	return routes.Backend{Addr: netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n))}
}

func named(names ...string) routes.Site {
	return routes.Site{Names: names, Backends: []routes.Backend{server(1)}}
}

// where is what a client that asks for the name is answered.
func where(t *testing.T, s *routes.Set, proto sniproxy.Proto, name string) (site string, addrs []string) {
	t.Helper()
	d, err := s.Route(&sniproxy.Request{Proto: proto, Name: name})
	if err != nil {
		return err.Error(), nil
	}
	list, ready, err := d.Backend.Ready(nil, backend.Query{Name: name, Client: netip.MustParseAddr("198.51.100.7"), Port: 443})
	require.NoError(t, err)
	require.True(t, ready)
	for _, a := range list {
		addrs = append(addrs, a.String())
	}
	slices.Sort(addrs)
	return d.Site, addrs
}

func TestRoute(t *testing.T) {
	s := &routes.Set{Guard: guard}
	site, _ := where(t, s, sniproxy.TLS, "example.com")
	require.Equal(t, sniproxy.ErrUnknownName.Error(), site)
	require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{
		{Names: []string{"Example.com", "*.example.com"}, Backends: []routes.Backend{server(1), server(2)}, Proxy: proxyheader.V1},
		{Name: "secure", Names: []string{"secure.example.net"}, Backends: []routes.Backend{server(3)}, TLSPort: 8443, HTTPPort: -1},
		{Names: []string{"plain.example.net"}, Backends: []routes.Backend{server(4)}, TLSPort: -1},
		{Backends: []routes.Backend{server(5)}, Default: true},
		{Backends: []routes.Backend{server(6)}, NoName: true, HTTPPort: -1},
	}}))
	require.Equal(t, 5, s.Len())
	for _, c := range []struct {
		proto      sniproxy.Proto
		name, site string
		addrs      string
	}{
		{sniproxy.TLS, "example.com", "example.com", "[2001:db8::1]:443 [2001:db8::2]:443"},
		{sniproxy.QUIC, "a.b.example.com", "example.com", "[2001:db8::1]:443 [2001:db8::2]:443"},
		{sniproxy.HTTP, "example.com", "example.com", "[2001:db8::1]:80 [2001:db8::2]:80"},
		{sniproxy.TLS, "secure.example.net", "secure", "[2001:db8::3]:8443"},
		{sniproxy.HTTP, "secure.example.net", "default", "[2001:db8::5]:80"},
		{sniproxy.HTTP, "plain.example.net", "plain.example.net", "[2001:db8::4]:80"},
		{sniproxy.TLS, "plain.example.net", "default", "[2001:db8::5]:443"},
		{sniproxy.TLS, "", "no-name", "[2001:db8::6]:443"},
		{sniproxy.HTTP, "", sniproxy.ErrNoName.Error(), ""},
	} {
		site, addrs := where(t, s, c.proto, c.name)
		require.Equal(t, c.site, site, "%v %q", c.proto, c.name)
		require.Equal(t, c.addrs, strings.Join(addrs, " "), "%v %q", c.proto, c.name)
	}
	d, err := s.Route(&sniproxy.Request{Name: "example.com"})
	require.NoError(t, err)
	require.Equal(t, proxyheader.V1, d.Proxy)
}

func TestReplaceRefuses(t *testing.T) {
	with := func(change func(*routes.Site)) routes.Site {
		s := named("new.example")
		change(&s)
		return s
	}
	for want, sites := range map[string][]routes.Site{
		"it has no names":                        {{Backends: []routes.Backend{server(1)}}},
		"either backends or a lookup":            {{Names: []string{"x.example"}}},
		"needs either":                           {with(func(s *routes.Site) { s.Lookup = "y.example" })},
		"no resolver":                            {{Names: []string{"x.example"}, Lookup: "*"}},
		`tlvs need proxy = "v2"`:                 {with(func(s *routes.Site) { s.Proxy, s.TLVs = proxyheader.V1, proxyheader.WithAuthority })},
		`no source is called "moon"`:             {with(func(s *routes.Site) { s.Source = "moon" })},
		`balance "luck"`:                         {with(func(s *routes.Site) { s.Balance = "luck" })},
		"port 70000 is above 65535":              {with(func(s *routes.Site) { s.TLSPort = 70000 })},
		"neither for TLS nor for HTTP":           {with(func(s *routes.Site) { s.TLSPort, s.HTTPPort = -1, -1 })},
		"in no allowed prefix":                   {with(func(s *routes.Site) { s.Backends[0].Addr = netip.MustParseAddr("2001:db9::1") })},
		"NAT64":                                  {with(func(s *routes.Site) { s.Backends[0].Addr = netip.MustParseAddr("64:ff9b::c000:201") })},
		"port not allowed":                       {with(func(s *routes.Site) { s.TLSPort = 25 })},
		`name "new.example" is that of site "a"`: {{Name: "a", Names: []string{"new.example"}, Backends: []routes.Backend{server(1)}}, named("NEW.example.")},
		`name "new.example" is there twice`:      {named("new.example", "NEW.example")},
		"it is there twice":                      {{Name: "a", Names: []string{"b.example"}, Backends: []routes.Backend{server(1)}}, {Name: "a", Names: []string{"c.example"}, Backends: []routes.Backend{server(1)}}},
		"the default is that of site":            {{Name: "a", Default: true, Backends: []routes.Backend{server(1)}}, {Name: "b", Default: true, Backends: []routes.Backend{server(1)}}},
		`name "a/b"`:                             {named("a/b")},
		"limit below zero":                       {with(func(s *routes.Site) { s.Limit.Conns = -1 })},
	} {
		t.Run(want, func(t *testing.T) {
			s := &routes.Set{Guard: guard}
			require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{named("old.example")}}))
			err := s.Replace(routes.Document{Sites: append(sites, named("other.example"))})
			require.ErrorIs(t, err, routes.ErrDocument)
			require.ErrorContains(t, err, want)
			site, _ := where(t, s, sniproxy.TLS, "old.example")
			require.Equal(t, "old.example", site, "all is as it was")
			require.Equal(t, 1, s.Len())
		})
	}
}

// Servers that stay keep what is known of them.
func TestReplaceKeepsServers(t *testing.T) {
	s := &routes.Set{Guard: guard}
	site := named("a.example")
	site.Backends = []routes.Backend{server(1), server(2)}
	replace := func() {
		t.Helper()
		require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{site}}))
	}
	replace()
	addr := netip.AddrPortFrom(server(1).Addr, 443)
	d, err := s.Route(&sniproxy.Request{Name: "a.example"})
	require.NoError(t, err)
	d.Backend.Report(addr, nil, time.Millisecond)
	active := func() (n int) {
		_, status, ok := s.Site("a.example")
		require.True(t, ok)
		for _, m := range status.Servers {
			if m.Addr == addr {
				n = m.Active
			}
		}
		return n
	}
	require.Equal(t, 1, active())

	site.Backends, site.Limit.Conns = []routes.Backend{server(1), server(3)}, 7
	replace()
	require.Equal(t, 1, active(), "the pool stays")
	_, addrs := where(t, s, sniproxy.TLS, "a.example")
	require.Equal(t, []string{"[2001:db8::1]:443", "[2001:db8::3]:443"}, addrs)
	d, err = s.Route(&sniproxy.Request{Name: "a.example"})
	require.NoError(t, err)
	require.Equal(t, 7, d.Limit.Conns)

	site.Backends[0].Drain = true
	replace()
	_, addrs = where(t, s, sniproxy.TLS, "a.example")
	require.Equal(t, []string{"[2001:db8::3]:443"}, addrs)
	require.Equal(t, backend.Draining, s.Status()[0].Servers[0].State)
	site.Backends[0].Drain = false
	replace()
	_, addrs = where(t, s, sniproxy.TLS, "a.example")
	require.Len(t, addrs, 2)

	site.Balance = "sticky"
	replace()
	require.Zero(t, active(), "another way to choose is another pool")
}

// Active checks begin and end with the sites that ask for them.
func TestRunChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		type change struct {
			site string
			to   backend.State
		}
		changes := make(chan change, 16)
		loopback := &backend.Guard{Loopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Ports: []uint16{1}}
		s := &routes.Set{Guard: loopback, Health: func(site string, _ netip.AddrPort, _, to backend.State) {
			changes <- change{site, to}
		}}
		site := routes.Site{
			Names: []string{"a.example"}, Backends: []routes.Backend{{Addr: netip.IPv6Loopback()}}, TLSPort: 1, HTTPPort: -1,
			Check: &routes.Check{Every: 1, Fall: 2},
		}
		require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{site}}))
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		require.Equal(t, change{"a.example", backend.Down}, <-changes, "nobody listens on port 1")

		site.Check = &routes.Check{Every: 2, Fall: 1}
		require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{site}}))
		require.Equal(t, change{"a.example", backend.Down}, <-changes, "checked anew")
		require.NoError(t, s.Replace(routes.Document{}))
		cancel()
		require.NoError(t, <-ended, "no check runs any more")
	})
}

// 20,000 sites are replaced while clients ask, and none of them is refused.
func TestReplaceUnderLoad(t *testing.T) {
	d := manySites(20_000)
	s := &routes.Set{Guard: guard}
	require.NoError(t, s.Replace(d))
	done := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if _, err := s.Route(&sniproxy.Request{Name: d.Sites[i%len(d.Sites)].Names[0]}); err != nil {
				failed <- err
				return
			}
		}
	}()
	next := manySites(20_000)
	next.Sites[0].Backends = []routes.Backend{server(4)}
	require.NoError(t, s.Replace(next))
	close(done)
	require.NoError(t, <-failed)
	_, addrs := where(t, s, sniproxy.TLS, "site0.example")
	require.Equal(t, []string{"[2001:db8::4]:443"}, addrs)
}

func manySites(n int) routes.Document {
	d := routes.Document{Sites: make([]routes.Site, n)}
	for i := range d.Sites {
		d.Sites[i] = named(fmt.Sprintf("site%d.example", i))
	}
	return d
}

// A reload of 100,000 sites of which one changed.
func BenchmarkReplace100k(b *testing.B) {
	d, s := manySites(100_000), &routes.Set{Guard: guard}
	require.NoError(b, s.Replace(d))
	for i := 0; b.Loop(); i++ {
		d.Sites[0].Backends = []routes.Backend{server(i%9 + 1)}
		if err := s.Replace(d); err != nil {
			b.Fatal(err)
		}
	}
}

// A set as the router of a server.
func TestServer(t *testing.T) {
	web, err := net.Listen("tcp", "[::1]:0")
	require.NoError(t, err)
	defer web.Close()
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "hello from the server")
			_ = c.Close()
		}
	}()
	at := netip.MustParseAddrPort(web.Addr().String())
	open := &backend.Guard{Loopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Ports: []uint16{at.Port()}}
	set := &routes.Set{Guard: open}
	require.NoError(t, set.Replace(routes.Document{Sites: []routes.Site{{
		Names: []string{"a.example"}, Backends: []routes.Backend{{Addr: at.Addr()}}, TLSPort: int(at.Port()), HTTPPort: -1,
	}}}))
	front, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &sniproxy.Server{Router: set, Guard: open}
	served := make(chan error, 1)
	go func() { served <- p.ServeTLS(front) }()
	c, err := net.Dial("tcp", front.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write(sniproxytest.Hello("a.example", sniproxytest.HelloOptions{}))
	require.NoError(t, err)
	said, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "hello from the server", string(said))
	require.NoError(t, p.Close())
	require.ErrorIs(t, <-served, sniproxy.ErrServerClosed)
}

// One site of 100,000 changed.
func BenchmarkUpdate100k(b *testing.B) {
	d, s := manySites(100_000), &routes.Set{Guard: guard}
	require.NoError(b, s.Replace(d))
	for i := 0; b.Loop(); i++ {
		one := d.Sites[i%len(d.Sites)]
		one.Backends = []routes.Backend{server(i%9 + 1)}
		if err := s.Update(routes.Document{Sites: []routes.Site{one}}); err != nil {
			b.Fatal(err)
		}
	}
}
