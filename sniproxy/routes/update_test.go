package routes_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

func TestUpdate(t *testing.T) {
	s := &routes.Set{Guard: guard}
	site := func(name string, names ...string) routes.Site {
		out := named(names...)
		out.Name = name
		return out
	}
	is := func(want map[string]string) {
		t.Helper()
		for name, site := range want {
			got, _ := where(t, s, sniproxy.TLS, name)
			require.Equal(t, cmp.Or(site, sniproxy.ErrUnknownName.Error()), got, name)
		}
	}
	require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{site("a", "a.example", "*.a.example"), site("b", "b.example")}}, "none"))
	is(map[string]string{"a.example": "a", "x.a.example": "a", "b.example": "b"})

	// A name goes from one to another at once, and a site goes.
	require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{site("a", "a.example"), site("c", "*.a.example")}}, "b"))
	is(map[string]string{"a.example": "a", "x.a.example": "c", "b.example": ""})
	require.Equal(t, 2, s.Len())

	// What is wrong changes nothing, though a part of it is right.
	err := s.Update(routes.Document{Sites: []routes.Site{site("d", "d.example"), site("e", "a.example")}}, "c")
	require.ErrorIs(t, err, routes.ErrDocument)
	require.ErrorContains(t, err, `name "a.example" is that of site "a"`)
	is(map[string]string{"a.example": "a", "x.a.example": "c", "d.example": ""})

	// The default, for one protocol only, and as somebody else's.
	def := site("d")
	def.Default, def.HTTPPort = true, -1
	require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{def}}))
	is(map[string]string{"b.example": "d", "a.example": "a"})
	got, _ := where(t, s, sniproxy.HTTP, "b.example")
	require.Equal(t, sniproxy.ErrUnknownName.Error(), got)
	other := site("e")
	other.Default = true
	require.ErrorContains(t, s.Update(routes.Document{Sites: []routes.Site{other}}), `the default is that of site "d"`)
	require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{other}}, "d"))
	is(map[string]string{"b.example": "e"})

	// All at once after that, and in part after that.
	require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{site("z", "z.example")}}))
	require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{site("y", "y.example")}}, "z"))
	is(map[string]string{"z.example": "", "y.example": "y", "b.example": ""})
}

// TestUpdateModel compares a set that is changed in part with one that is made anew.
func TestUpdateModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	set := &routes.Set{Guard: guard}
	model := make(map[string]routes.Site)
	for range 200 {
		var d routes.Document
		var gone []string
		for n := range 60 {
			key := fmt.Sprintf("s%d", n)
			switch r.IntN(20) {
			case 0:
				gone = append(gone, key)
				delete(model, key)
			case 1:
				s := named(fmt.Sprintf("%s.example", key), fmt.Sprintf("*.%s.r%d.example", key, r.IntN(9)))
				s.Name, s.TLSPort, s.HTTPPort = key, r.IntN(2)*8443, -r.IntN(2)
				s.Backends = append(s.Backends, server(2+r.IntN(3)))
				d.Sites = append(d.Sites, s)
				model[key] = s
			}
		}
		require.NoError(t, set.Update(d, gone...))
		fresh := &routes.Set{Guard: guard}
		var all routes.Document
		for s := range maps.Values(model) {
			all.Sites = append(all.Sites, s)
		}
		require.NoError(t, fresh.Replace(all))
		require.Equal(t, fresh.Len(), set.Len())
		for n := range 60 {
			for _, proto := range []sniproxy.Proto{sniproxy.TLS, sniproxy.HTTP} {
				for _, name := range []string{fmt.Sprintf("s%d.example", n), fmt.Sprintf("x.s%d.r%d.example", n, r.IntN(9))} {
					want, servers := where(t, fresh, proto, name)
					got, have := where(t, set, proto, name)
					require.Equal(t, want, got, "%v %s", proto, name)
					require.Equal(t, servers, have)
				}
			}
		}
	}
}

// What is not changed keeps its drain and its checks; what goes ends them.
func TestUpdateKeepsServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &routes.Set{Guard: guard}
		checked := named("a.example")
		checked.Check = &routes.Check{Every: 1}
		require.NoError(t, s.Replace(routes.Document{Sites: []routes.Site{checked, named("b.example")}}))
		ctx := t.Context()
		go func() { _ = s.Run(ctx) }()
		before, err := s.Route(&sniproxy.Request{Name: "a.example"})
		require.NoError(t, err)
		require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{named("c.example")}}, "b.example"))
		after, err := s.Route(&sniproxy.Request{Name: "a.example"})
		require.NoError(t, err)
		require.Same(t, before.Backend, after.Backend)

		more := checked
		more.Backends = append(more.Backends, server(9))
		require.NoError(t, s.Update(routes.Document{Sites: []routes.Site{more}}))
		after, err = s.Route(&sniproxy.Request{Name: "a.example"})
		require.NoError(t, err)
		require.Same(t, before.Backend, after.Backend, "only its list has changed")
		_, status, ok := s.Site("a.example")
		require.True(t, ok)
		require.Len(t, status.Servers, 4)
		require.NoError(t, s.Update(routes.Document{}, "a.example"))
		_, _, ok = s.Site("a.example")
		require.False(t, ok)
	})
}
