package main

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// sitesPrefix is of sites' keys.
const sitesPrefix = "sites/"

// site is the n-th one as it is after change c: the change is in the server's address.
func site(n, c int) routes.Site {
	return routes.Site{
		Names:    []string{fmt.Sprintf("www.customer-%d.example", n), fmt.Sprintf("customer-%d.example", n)},
		Backends: []routes.Backend{{Addr: server(c)}},
	}
}

// server has the number of a change in its last 32 bits.
func server(c int) netip.Addr {
	a := netip.MustParseAddr("2001:db8::").As16()
	a[12], a[13], a[14], a[15] = byte(c>>24), byte(c>>16), byte(c>>8), byte(c)
	return netip.AddrFrom16(a)
}

// change is the number in a server's address.
func change(a netip.Addr) int {
	b := a.As16()
	return int(b[12])<<24 | int(b[13])<<16 | int(b[14])<<8 | int(b[15])
}

// follow is one proxy: it says "synced", and then for each change its number, and when
// the router led to its server.
func follow(ctx context.Context, o options) error {
	store, err := o.store()
	if err != nil {
		return err
	}
	defer store.Close()
	out := bufio.NewWriter(os.Stdout)
	set := &routes.Set{Guard: &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}}
	synced := false
	f := &routes.Follower{Set: set, Store: store, Prefix: sitesPrefix}
	f.Applied = func(come, _ []string) {
		if !synced { // the first time it is all
			synced = true
			fmt.Fprintf(out, "synced %d\n", set.Len())
			out.Flush()
			return
		}
		for _, name := range come {
			c, err := seen(set, name)
			now := time.Now()
			if err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				return
			}
			fmt.Fprintf(out, "%d %d\n", c, now.UnixNano())
		}
		out.Flush()
	}
	return f.Run(ctx)
}

// seen asks the router, as a client's connection does, and returns the number of the
// change in the address that it leads to.
func seen(set *routes.Set, name string) (int, error) {
	d, err := set.Route(&sniproxy.Request{Proto: sniproxy.TLS, Name: "www." + name + ".example"})
	if err != nil {
		return 0, fmt.Errorf("route to %q: %w", name, err)
	}
	addrs, _, err := d.Backend.Ready(nil, backend.Query{})
	if err != nil {
		return 0, fmt.Errorf("servers of %q: %w", name, err)
	}
	return change(addrs[0].Addr()), nil
}
