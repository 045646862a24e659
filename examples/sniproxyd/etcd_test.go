package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/sniproxy/etcdstore"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// cluster is etcd and who writes sites there.
type cluster struct {
	*etcdtest.Cluster
	t     *testing.T
	store *etcdstore.Store
}

func newCluster(t *testing.T, writeAt ...int) *cluster {
	c := &cluster{Cluster: etcdtest.Start(t, etcdtest.Options{Members: 3}), t: t}
	var at []string
	for _, i := range writeAt {
		at = append(at, c.Members[i].URL)
	}
	var err error
	c.store, err = etcdstore.New(etcdstore.Options{Endpoints: at, Prefix: "/sniproxyd/"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.store.Close() })
	return c
}

// put changes a site, nil for none, also while etcd elects a leader.
func (c *cluster) put(name string, site any) {
	c.t.Helper()
	var val []byte
	if site != nil {
		var err error
		val, err = json.Marshal(site)
		require.NoError(c.t, err)
	}
	require.Eventually(c.t, func() bool {
		_, err := c.store.Put(c.t.Context(), "sites/"+name, val, -1)
		return err == nil
	}, patience, 50*time.Millisecond)
}

// siteAt is a site of that name on a server.
func siteAt(name string, b *sniproxytest.Backend) routes.Site {
	return routes.Site{
		Names: []string{name}, HTTPPort: -1, TLSPort: int(b.Addr().Port()),
		Backends: []routes.Backend{{Addr: b.Addr().Addr()}},
	}
}

// reaches waits until the site is there, and reaches it.
func (r *rig) reaches(name string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return strings.Contains(r.page("/sites"), fmt.Sprintf("%q", name)) }, patience, 20*time.Millisecond)
	c := r.dial(name + ".example")
	c.echo("hello")
	require.NoError(r.t, c.Close())
}

func (r *rig) loses(name string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return !strings.Contains(r.page("/sites"), fmt.Sprintf("%q", name)) }, patience, 20*time.Millisecond)
}

// awaitPage waits until a page of the debug address has a text.
func (r *rig) awaitPage(page, text string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return strings.Contains(r.page(page), text) }, patience, 20*time.Millisecond, "%s", text)
}

// Two proxies on three members. One of the proxies is cut off from etcd while sites
// change and etcd forgets what was before; then all members stop. It routes by what it
// knew, says so, and finds in the end what there is: none lost, none back from the dead.
func TestRealEtcd(t *testing.T) {
	c := newCluster(t, 1, 2)
	near, far := newRig(t), newRig(t)
	backend := near.backend(sniproxytest.BackendOptions{})
	far.ports = near.ports
	near.etcd = fmt.Sprintf("[etcd]\nendpoints = [%q, %q]\nprobe = \"300ms\"\n", c.Members[1].URL, c.Members[2].URL)
	far.etcd = fmt.Sprintf("[etcd]\nendpoints = [%q]\nprobe = \"300ms\"\nlast = %q\n", c.Members[0].URL, far.path("last.json"))
	for _, name := range []string{"stays", "goes", "returns"} {
		c.put(name, siteAt(name+".example", backend))
	}
	both := []*rig{near, far}
	for _, r := range both {
		r.start()
		for _, name := range []string{"stays", "goes", "returns"} {
			r.reaches(name)
		}
		r.awaitPage("/readyz", "ok\nroutes: 3 sites, 0 left out\n")
		r.awaitPage("/metrics", "sniproxy_routes_store_up 1\n")
	}
	open := far.dial("stays.example")

	c.Members[0].Pause(t)
	far.awaitPage("/readyz", "ok\nroutes: 3 sites, as they were")
	far.awaitPage("/metrics", "sniproxy_routes_store_up 0\n")
	c.put("goes", nil)
	c.put("returns", nil)
	c.put("comes", siteAt("comes.example", backend))
	c.put("broken", map[string]any{"names": []string{"broken.example"}, "backend": 1})
	c.put("returns", siteAt("returns.example", backend))
	near.reaches("comes")
	near.loses("goes")
	near.reaches("returns")
	c.Compact(t)
	far.reaches("goes") // as far as it knows
	open.echo("still there")
	c.Members[1].Pause(t)
	c.Members[2].Pause(t)
	for _, r := range both {
		r.awaitPage("/metrics", "sniproxy_routes_store_up 0\n")
		r.dial("stays.example").echo("without etcd")
	}
	for _, m := range c.Members {
		m.Resume(t)
	}
	c.put("late", siteAt("late.example", backend))
	for _, r := range both {
		for _, name := range []string{"stays", "comes", "returns", "late"} {
			r.reaches(name)
		}
		r.loses("goes")
		r.awaitPage("/metrics", "sniproxy_routes_store_up 1\n")
		r.awaitPage("/readyz", "ok\nroutes: 4 sites, 0 left out\n")
	}
	open.echo("all the while")
}

// A proxy that begins while etcd is away has the routes that were known last. One that
// never knew any waits for etcd.
func TestRealEtcdAwayAtStart(t *testing.T) {
	c := newCluster(t, 0, 1, 2)
	r := newRig(t)
	backend := r.backend(sniproxytest.BackendOptions{})
	endpoints, err := json.Marshal(c.Endpoints())
	require.NoError(t, err)
	r.etcd = fmt.Sprintf("[etcd]\nendpoints = %s\nprobe = \"300ms\"\nlast = %q\n", endpoints, r.path("last.json"))
	c.put("a", siteAt("a.example", backend))
	r.start()
	r.reaches("a")
	r.signal(syscall.SIGTERM)
	r.awaitEnd()
	info, err := os.Stat(r.path("last.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	for _, m := range c.Members {
		m.Pause(t)
	}
	r.start()
	r.reaches("a")
	r.awaitSaid("these are the last routes that were known", 1)
	r.awaitPage("/readyz", "ok\nroutes: no sites from the store, which does not answer")
	for _, m := range c.Members {
		m.Resume(t)
	}
	c.put("b", siteAt("b.example", backend))
	r.reaches("b")
	r.awaitPage("/readyz", "ok\nroutes: 2 sites")

	// "check" asks for the sites in etcd.
	said, err := exec.Command("sniproxyd", "check", "-config", r.config(), "b.example").CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Contains(t, string(said), "b.example")
}
