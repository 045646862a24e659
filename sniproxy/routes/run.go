package routes

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// Run checks the servers of sites that ask for it, until ctx ends, and returns
// nil when no check runs any more. One Run may run at a time.
func (s *Set) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	for _, in := range s.sites {
		s.watch(in)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	for _, in := range s.sites {
		in.stop = nil
	}
	s.mu.Unlock()
	s.checks.Wait()
	return nil
}

// watch begins the site's active checks, if it has some and they do not run yet.
func (s *Set) watch(in *site) {
	if s.ctx == nil || in.Check == nil || in.stop != nil {
		return
	}
	var ctx context.Context
	ctx, in.stop = context.WithCancel(s.ctx)
	for _, p := range in.pools() {
		s.checks.Go(func() { p.Run(ctx) })
	}
}

// SiteStatus is how a site's servers are, for a panel.
type SiteStatus struct {
	Site string `json:"site"`
	// Servers are by address and port: TLS and HTTP are judged apart.
	Servers []backend.MemberStatus `json:"servers"`
}

// Status returns the sites with fixed servers, by name.
func (s *Set) Status() []SiteStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []SiteStatus
	for _, key := range slices.Sorted(maps.Keys(s.sites)) {
		if st, ok := s.sites[key].status(); ok {
			all = append(all, st)
		}
	}
	return all
}

// Document returns what is in force, by name.
func (s *Set) Document() Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	var d Document
	for _, key := range slices.Sorted(maps.Keys(s.sites)) {
		d.Sites = append(d.Sites, s.sites[key].clone())
	}
	return d
}

// Site returns the document of one site, and how its servers are.
func (s *Set) Site(key string) (doc Site, status SiteStatus, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.sites[key]
	if in == nil {
		return Site{}, SiteStatus{}, false
	}
	status, _ = in.status()
	return in.Site, status, true
}

func (s *site) status() (SiteStatus, bool) {
	st := SiteStatus{Site: s.key()}
	for _, p := range s.pools() {
		st.Servers = append(st.Servers, p.Status()...)
	}
	slices.SortFunc(st.Servers, func(a, b backend.MemberStatus) int {
		return cmp.Or(a.Addr.Addr().Compare(b.Addr.Addr()), cmp.Compare(a.Addr.Port(), b.Addr.Port()))
	})
	return st, len(st.Servers) > 0
}
