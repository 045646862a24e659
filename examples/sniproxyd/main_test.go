package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sniproxyd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// Paths in configurations are absolute.
			files, err := filepath.Glob(filepath.Join(e.WorkDir, "*.toml"))
			for _, name := range files {
				text, rerr := os.ReadFile(name)
				if rerr != nil {
					return rerr
				}
				if werr := os.WriteFile(name, []byte(strings.ReplaceAll(string(text), "$WORK", e.WorkDir)), 0o600); werr != nil {
					return werr
				}
			}
			return err
		},
	})
}

// The reference, with the routes beside it.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("reference.toml")
	require.NoError(t, err)
	here, err := filepath.Abs("routes.toml")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "sniproxyd.toml")
	moved := strings.Replace(string(text), "/etc/sniproxyd/routes.toml\"\n# Networks", here+"\"\n# Networks", 1)
	require.NotEqual(t, string(text), moved)
	require.NoError(t, os.WriteFile(file, []byte(moved), 0o600))
	c, err := daemon.Load(file, (*config).check)
	require.NoError(t, err)
	require.True(t, c.Etcd.Set())
	require.Equal(t, "/var/lib/sniproxyd/routes.json", c.Etcd.Last)
	require.Empty(t, c.document.Sites, "the sites are in etcd")
	require.NoError(t, c.readRoutes())
	require.Len(t, c.document.Sites, 3)
	require.Equal(t, 200, c.limiter().PerClient.Conns)
	set := c.set(nil)
	require.NoError(t, set.Replace(c.document))
	d, err := set.Route(&sniproxy.Request{Proto: sniproxy.TLS, Name: "a.shop.example"})
	require.NoError(t, err)
	require.Equal(t, "shop", d.Site)
	require.Equal(t, proxyheader.V2, d.Proxy)
	require.Equal(t, proxyheader.WithAuthority|proxyheader.WithUniqueID|proxyheader.WithCRC32C, d.TLVs)
	require.Equal(t, "2001:db8:2::/64", d.Source.Pool.String())
	require.Equal(t, 5000, d.Limit.Conns)
	for _, name := range []string{"", "nobody.example"} {
		d, err = set.Route(&sniproxy.Request{Proto: sniproxy.TLS, Name: name})
		require.NoError(t, err)
		require.Equal(t, "other", d.Site)
		require.Len(t, d.Source.Addrs, 2, "the source of all")
	}
	same := *c
	require.Empty(t, c.changed(&same))
	same.Trusted, same.Shards = nil, 7
	require.Equal(t, []string{"trusted", "shards"}, c.changed(&same))
}
