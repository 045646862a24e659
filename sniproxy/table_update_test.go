package sniproxy_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// routed is what the table answers for a name.
func routed(t *sniproxy.Table, name string) string {
	if d := t.Lookup(name); d != nil {
		return d.Site
	}
	return ""
}

// TestTableUpdateModel makes random changes to a table, and compares it with a map and
// the tables before with what they were.
func TestTableUpdateModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var table sniproxy.Table
	model := make(map[string]string)
	name := func(i int) string {
		if i%10 == 0 {
			return fmt.Sprintf("*.n%d.example", i)
		}
		return fmt.Sprintf("n%d.example", i)
	}
	type before struct {
		table *sniproxy.Table
		model map[string]string
	}
	var all []before
	for step := range 300 {
		var gone []string
		var come sniproxy.Routes
		width := 1 + r.IntN(1+step) // the table grows over several sizes
		touched := make(map[string]bool)
		for range width {
			n := name(r.IntN(3000))
			if touched[n] {
				continue
			}
			touched[n] = true
			if _, there := model[n]; there {
				gone = append(gone, n)
				delete(model, n)
			}
			if r.IntN(3) > 0 {
				label := fmt.Sprint("s", step, " ", n)
				come.Sites = append(come.Sites, site(label, n))
				model[n] = label
			}
		}
		require.NoError(t, table.Update(gone, come))
		if step%50 == 0 {
			all = append(all, before{table.Clone(), maps.Clone(model)})
		}
	}
	all = append(all, before{&table, model})
	for _, b := range all {
		for i := range 3000 {
			n := name(i)
			asked := n
			if n[0] == '*' {
				asked = "x" + n[1:]
			}
			require.Equal(t, b.model[n], routed(b.table, asked), n)
		}
		require.Equal(t, len(b.model), b.table.Len())
	}
}

func TestTableUpdatePlaces(t *testing.T) {
	var table sniproxy.Table
	a, b := &sniproxy.Decision{Site: "a", Backend: pool}, &sniproxy.Decision{Site: "b", Backend: pool}
	require.NoError(t, table.Update(nil, sniproxy.Routes{Default: a, NoName: b}))
	require.Equal(t, []string{"a", "b"}, []string{routed(&table, "any.example"), routed(&table, "")})
	err := table.Update([]string{sniproxy.DefaultPlace}, sniproxy.Routes{NoName: a})
	require.ErrorContains(t, err, `that of site "b" too`)
	require.Equal(t, "a", routed(&table, "any.example"), "nothing has changed")
	require.NoError(t, table.Update([]string{sniproxy.DefaultPlace, sniproxy.NoNamePlace}, sniproxy.Routes{NoName: a}))
	require.Equal(t, []string{"", "a"}, []string{routed(&table, "any.example"), routed(&table, "")})
	require.ErrorIs(t, table.Update([]string{sniproxy.DefaultPlace}, sniproxy.Routes{}), fs.ErrNotExist)
}

func TestTableUpdateRefuses(t *testing.T) {
	var table sniproxy.Table
	require.NoError(t, table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{site("a", "a.example", "*.a.example"), site("b", "b.example")}}))
	for want, change := range map[string]struct {
		gone []string
		come []sniproxy.Site
	}{
		"does not exist":           {gone: []string{"c.example"}},
		"file does not exist":      {gone: []string{"a.example", "A.example."}},
		"name \"x..example\"":      {gone: []string{"x..example"}},
		"that of site \"b\" too":   {gone: []string{"a.example"}, come: []sniproxy.Site{site("c", "b.example")}},
		"that of site \"c\" too":   {come: []sniproxy.Site{site("c", "c.example"), site("d", "C.example")}},
		"site \"c\": name \"c..\"": {come: []sniproxy.Site{site("c", "c..")}},
		"it has no names":          {come: []sniproxy.Site{site("c")}},
		"it has no Backend":        {come: []sniproxy.Site{{Names: []string{"c.example"}}}},
	} {
		err := table.Update(change.gone, sniproxy.Routes{Sites: change.come})
		require.ErrorContains(t, err, want)
		got := []string{routed(&table, "a.example"), routed(&table, "x.a.example"), routed(&table, "b.example"), routed(&table, "c.example")}
		require.Equal(t, []string{"a", "a", "b", ""}, got, want)
	}
	require.NoError(t, table.Update([]string{"a.example", "*.a.example"}, sniproxy.Routes{Sites: []sniproxy.Site{site("a2", "a.example")}}))
	require.Equal(t, []string{"a2", ""}, []string{routed(&table, "a.example"), routed(&table, "x.a.example")}, "no wildcard is left")
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var routes sniproxy.Routes
			for i := range n {
				routes.Sites = append(routes.Sites, site("", fmt.Sprintf("www.customer-%d.example", i)))
			}
			var table sniproxy.Table
			if err := table.Replace(routes); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s := routes.Sites[i%n]
				if err := table.Update(s.Names, sniproxy.Routes{Sites: slices.Clone([]sniproxy.Site{s})}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
