package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// Set is a [sniproxy.Router] made of a [Document]. Guard is required. Its fields
// are not changed once Replace was called, and it is not copied.
type Set struct {
	// Guard says which servers there may be at all.
	Guard *backend.Guard
	// Cache is for sites that look their servers up. Nil refuses such sites.
	Cache *backend.Cache
	// Sources are addresses for connections to servers, by name, and Source is
	// for sites that name none; nil leaves it to the kernel.
	Sources map[string]*backend.Source
	Source  *backend.Source
	// Health is told when a server's state changes. It must not block. Nil means
	// that nobody is.
	Health func(site string, addr netip.AddrPort, from, to backend.State)

	tables atomic.Pointer[[2]*sniproxy.Table] // for TLS and QUIC, and for HTTP

	replacing sync.Mutex // one Replace or Update at a time; guards claims
	claims    claims     // of the sites in force

	mu     sync.Mutex // guards all below
	sites  map[string]*site
	ctx    context.Context // of Run, while it runs
	checks sync.WaitGroup
}

// site is a Site with its servers. tls is for QUIC too; of both one may be nil.
type site struct {
	Site
	tls, http sniproxy.Backend
	stop      context.CancelFunc // of active checks, once they run
}

// Route implements [sniproxy.Router].
func (s *Set) Route(r *sniproxy.Request) (sniproxy.Decision, error) {
	tables := s.tables.Load()
	switch {
	case tables == nil:
		return sniproxy.Decision{}, sniproxy.ErrUnknownName
	case r.Proto == sniproxy.HTTP:
		return tables[1].Route(r)
	}
	return tables[0].Route(r)
}

// Len is how many sites there are.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sites)
}

// Replace makes the document the content of the set. With an error, which wraps
// [ErrDocument] and names up to twenty sites that are wrong, nothing has changed.
func (s *Set) Replace(d Document) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	t := taking{own: make(claims, 2*len(d.Sites))}
	next, err := s.build(d, &t)
	if err != nil {
		return err
	}
	tls, http := routesOf(d, next, s)
	var nextTLS, nextHTTP sniproxy.Table
	if err := errors.Join(nextTLS.Replace(tls), nextHTTP.Replace(http)); err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	s.tables.Store(&[2]*sniproxy.Table{&nextTLS, &nextHTTP})
	s.claims = t.own
	s.adopt(s.sites, next)
	return nil
}

// maxErrors is how many wrong sites an error tells of.
const maxErrors = 20

// build makes the sites, and takes over servers of those that were there.
func (s *Set) build(d Document, t *taking) (map[string]*site, error) {
	next := make(map[string]*site, len(d.Sites))
	var errs []error
	for i := range d.Sites {
		doc := &d.Sites[i]
		key := doc.key()
		err := doc.check(s)
		if err == nil && next[key] != nil {
			err = errors.New("it is there twice")
		}
		if err == nil {
			err = t.add(doc)
		}
		if err != nil {
			if errs = append(errs, fmt.Errorf("%w: site %q: %w", ErrDocument, key, err)); len(errs) == maxErrors {
				break
			}
			continue
		}
		next[key] = s.site(doc, s.inForce(key))
	}
	return next, errors.Join(errs...)
}

// inForce is the site of that name, or nil.
func (s *Set) inForce(key string) *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sites[key]
}

// site makes a site, with the servers of before if only their list changed.
func (s *Set) site(doc *Site, before *site) *site {
	if before != nil && before.keeps(doc) {
		if before.equal(doc) {
			return before
		}
		return &site{Site: doc.clone(), tls: before.tls, http: before.http}
	}
	ports, _ := doc.ports() // checked
	out := &site{Site: doc.clone()}
	if ports[0] != 0 {
		out.tls = s.backend(doc, ports[0], true)
	}
	if ports[1] != 0 {
		out.http = s.backend(doc, ports[1], false)
	}
	return out
}

// equal reports whether nothing changed at all, besides what keeps looks at.
func (s *site) equal(doc *Site) bool {
	return slices.Equal(s.Names, doc.Names) && slices.Equal(s.Backends, doc.Backends) && s.Default == doc.Default &&
		s.NoName == doc.NoName && s.TLVs == doc.TLVs && s.Limit == doc.Limit
}

// keeps reports whether all that matters to the servers is as before, except for
// which they are.
func (s *site) keeps(doc *Site) bool {
	return s.key() == doc.key() && s.host() == doc.host() && s.Lookup == doc.Lookup && s.Balance == doc.Balance &&
		s.TLSPort == doc.TLSPort && s.HTTPPort == doc.HTTPPort && s.Proxy == doc.Proxy && s.Source == doc.Source &&
		reflect.DeepEqual(s.Check, doc.Check)
}

func (s *Set) source(doc *Site) *backend.Source {
	if doc.Source == "" {
		return s.Source
	}
	return s.Sources[doc.Source]
}

// backend makes the servers of one port.
func (s *Set) backend(doc *Site, port uint16, tls bool) sniproxy.Backend {
	if doc.Lookup != "" {
		l := &backend.Lookup{Cache: s.Cache, Guard: s.Guard, Port: port}
		if doc.Lookup != "*" {
			l.Host = doc.Lookup
		}
		return l
	}
	kind, _ := balance(doc.Balance) // checked
	p := &backend.Pool{Members: doc.members(port), Balance: kind}
	if s.Health != nil {
		key := doc.key()
		p.Changed = func(addr netip.AddrPort, from, to backend.State) { s.Health(key, addr, from, to) }
	}
	if c := doc.Check; c != nil {
		p.Check = backend.Check{
			Proxy: doc.Proxy, TLS: tls, Name: doc.host(), Path: c.Path, Every: seconds(c.Every),
			Fall: c.Fall, Rise: c.Rise, Guard: s.Guard, Source: s.source(doc),
		}
	}
	return p
}

// routesOf are the routes of both, in the document's order.
func routesOf(d Document, sites map[string]*site, s *Set) (tls, http sniproxy.Routes) {
	for i := range d.Sites {
		in := sites[d.Sites[i].key()]
		add(&tls, in, in.tls, s)
		add(&http, in, in.http, s)
	}
	return tls, http
}

// add adds the site to one of both.
func add(r *sniproxy.Routes, in *site, b sniproxy.Backend, s *Set) {
	if b == nil {
		return
	}
	d := sniproxy.Decision{
		Site: in.key(), Backend: b, Proxy: in.Proxy, TLVs: in.TLVs, Source: s.source(&in.Site), Limit: in.limit(),
	}
	if len(in.Names) > 0 {
		r.Sites = append(r.Sites, sniproxy.Site{Names: in.Names, Decision: d})
	}
	if in.Default {
		r.Default = &d
	}
	if in.NoName {
		r.NoName = &d
	}
}

// adopt makes sites those in force, in place of those that leave.
func (s *Set) adopt(leave, next map[string]*site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sites == nil {
		s.sites = make(map[string]*site, len(next))
	}
	for key := range leave {
		if next[key] == nil {
			s.turn(key, nil)
		}
	}
	for key, in := range next {
		s.turn(key, in)
	}
}

// turn makes a site the one in force of that name, nil for none: it changes the lists of
// servers, and begins and ends active checks. The caller holds mu.
func (s *Set) turn(key string, now *site) {
	before := s.sites[key]
	if before == now {
		return
	}
	if before != nil && before.stop != nil {
		if now != nil && now.tls == before.tls && now.http == before.http {
			now.stop = before.stop
		} else {
			before.stop()
		}
	}
	if now == nil {
		delete(s.sites, key)
		return
	}
	s.sites[key] = now
	for port, p := range now.pools() {
		p.Replace(now.members(port))
		now.drain(p, port)
	}
	s.watch(now)
}

// pools are those of the site's backends that are fixed, by port.
func (s *site) pools() map[uint16]*backend.Pool {
	ports, _ := s.ports() // checked
	all := make(map[uint16]*backend.Pool, len(ports))
	for i, b := range []sniproxy.Backend{s.tls, s.http} {
		if p, ok := b.(*backend.Pool); ok {
			all[ports[i]] = p
		}
	}
	return all
}

// drain makes drains of the pool what the document says.
func (s *site) drain(p *backend.Pool, port uint16) {
	for _, b := range s.Backends {
		addr := netip.AddrPortFrom(b.Addr, port)
		if b.Drain {
			_, _ = p.Drain(addr) // it is a member
		} else {
			_ = p.Resume(addr)
		}
	}
}
