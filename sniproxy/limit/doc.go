// Package limit bounds what clients may take of a proxy: connections at a time and
// new ones per second, of each client, for each site and in all.
//
//	l := &limit.Limiter{
//		PerClient: limit.Limit{Conns: 200, Rate: 50, Burst: 100},
//		Total:     limit.Limit{Conns: 9000},
//	}
//	lease, err := l.Client(addr) // at accept: the client and the whole
//	defer lease.Release()
//	site, err := l.Site("example.com", limit.Limit{Conns: 1000}) // once the site is known
//	defer site.Release()
//
// A [Limiter] is exact: however many goroutines ask, never is one connection more
// let in, or one less. Its memory is bounded however many addresses ask. Nothing
// is allocated for a client that is known.
package limit
