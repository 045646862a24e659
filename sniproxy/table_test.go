package sniproxy_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

var pool = &backend.Pool{Members: []backend.Member{{Addr: netip.MustParseAddrPort("[2001:db8::1]:443")}}}

func site(label string, names ...string) sniproxy.Site {
	return sniproxy.Site{Names: names, Decision: sniproxy.Decision{Site: label, Backend: pool}}
}

func TestTableRoute(t *testing.T) {
	var table sniproxy.Table
	require.NoError(t, table.Replace(sniproxy.Routes{
		Sites: []sniproxy.Site{
			site("exact", "www.example.com", "EXAMPLE.com."),
			site("wild", "*.example.com"),
			site("deep", "*.a.example.com"),
			site("unicode", "Bücher.example", "*.faß.example"),
			site("odd", "_dmarc.example.org", "xn--bcher-kva.example.net"),
			site("", "first.example", "second.example"),
		},
	}))
	for name, want := range map[string]string{
		"www.example.com":           "exact",
		"example.com":               "exact",
		"other.example.com":         "wild",
		"x.y.example.com":           "wild",
		"a.example.com":             "wild",
		"b.a.example.com":           "deep",
		"xn--bcher-kva.example":     "unicode",
		"x.xn--fa-hia.example":      "unicode",
		"_dmarc.example.org":        "odd",
		"xn--bcher-kva.example.net": "odd",
		"second.example":            "first.example",
		"example.org":               "",
		"notexample.com":            "",
		"com":                       "",
		"":                          "",
		".example.com":              "", // no client can ask for it, see below
	} {
		if name == ".example.com" {
			continue
		}
		d, err := table.Route(&sniproxy.Request{Name: name})
		switch {
		case name == "":
			require.ErrorIs(t, err, sniproxy.ErrNoName)
		case want == "":
			require.ErrorIs(t, err, sniproxy.ErrUnknownName, name)
		default:
			require.NoError(t, err, name)
			require.Equal(t, want, d.Site, name)
		}
	}
	require.Equal(t, 6, table.Len())
}

func TestTableDefaults(t *testing.T) {
	var table sniproxy.Table
	_, err := table.Route(&sniproxy.Request{Name: "any.example"})
	require.ErrorIs(t, err, sniproxy.ErrUnknownName, "the zero value has no sites")
	require.NoError(t, table.Replace(sniproxy.Routes{
		Sites:   []sniproxy.Site{site("wild", "*.example.com")},
		Default: &sniproxy.Decision{Backend: pool},
		NoName:  &sniproxy.Decision{Site: "nobody", Backend: pool},
	}))
	for name, want := range map[string]string{"a.example.com": "wild", "a.example.org": "default", "": "nobody"} {
		d, err := table.Route(&sniproxy.Request{Name: name})
		require.NoError(t, err)
		require.Equal(t, want, d.Site)
	}
}

func TestTableKeepsTheOldOne(t *testing.T) {
	var table sniproxy.Table
	require.NoError(t, table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{site("a", "a.example")}}))
	limited := site("l", "l.example")
	limited.Limit = limit.Limit{Conns: -1}
	for what, bad := range map[string]sniproxy.Site{
		"no names":    site("b"),
		"no Backend":  {Names: []string{"b.example"}},
		"that of":     site("b", "b.example", "B.EXAMPLE"),
		"below zero":  limited,
		"length":      site("b", ""),
		"label":       site("b", "b..example"),
		"character":   site("b", "b c.example"),
		"characters":  site("b", strings.Repeat("x", 64)+".example"),
		"not 1 to":    site("b", strings.Repeat("x.", 128)),
		`"*.*.exa`:    site("b", "*.*.example"),
		`"www.*.exa`:  site("b", "www.*.example"),
		`"xn--a"`:     site("b", "xn--a"),
		"is not allo": site("b", "b.example:443"),
	} {
		err := table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{site("c", "c.example"), bad}})
		require.ErrorContains(t, err, what, what)
		_, err = table.Route(&sniproxy.Request{Name: "a.example"})
		require.NoError(t, err, "the table before stays")
		_, err = table.Route(&sniproxy.Request{Name: "c.example"})
		require.ErrorIs(t, err, sniproxy.ErrUnknownName, "nothing of the one refused is in it")
	}
	require.Error(t, table.Replace(sniproxy.Routes{Default: &sniproxy.Decision{}}))
}

// TestTableReplaceUnderLoad has readers see one table or the other, whole.
func TestTableReplaceUnderLoad(t *testing.T) {
	var table sniproxy.Table
	both := [2]sniproxy.Routes{}
	for i := range both {
		for j := range 2000 {
			both[i].Sites = append(both[i].Sites, site(fmt.Sprint(i), fmt.Sprintf("s%d.example", j)))
		}
	}
	require.NoError(t, table.Replace(both[0]))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for j := 0; ; j = (j + 1) % 2000 {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := table.Route(&sniproxy.Request{Name: fmt.Sprintf("s%d.example", j)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 50 {
		require.NoError(t, table.Replace(both[i%2]))
	}
	close(stop)
	readers.Wait()
}

func TestTableLookupAllocatesNothing(t *testing.T) {
	var table sniproxy.Table
	require.NoError(t, table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{site("a", "a.example", "*.b.example")}}))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if table.Lookup("a.example") == nil || table.Lookup("x.y.b.example") == nil || table.Lookup("c.example") != nil {
			t.Error("wrong")
		}
	}))
}

func BenchmarkLookup(b *testing.B) {
	const n = 100_000
	var routes sniproxy.Routes
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("www.customer-%d.example", i)
		routes.Sites = append(routes.Sites, site("", names[i]))
	}
	var table sniproxy.Table
	if err := table.Replace(routes); err != nil {
		b.Fatal(err)
	}
	asked := make([]string, 1<<14) // as clients send them, in memory of their own
	for i := range asked {
		asked[i] = strings.Clone(names[rand.IntN(n)])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if table.Lookup(asked[i%len(asked)]) == nil {
			b.Fatal("not found")
		}
	}
}
