package routes

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// Update changes a part of the set: each site of the document takes the place of the one
// with its name, if there is one, and those that gone names end. What it costs depends on
// the change and hardly on what else is in the set. With an error, which wraps
// [ErrDocument], nothing has changed. A name in gone that no site has does not matter.
func (s *Set) Update(d Document, gone ...string) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	leave := s.leaving(d, gone)
	t := taking{have: s.claims, free: make(claims), own: make(claims)}
	for key, in := range leave {
		wanted, err := in.claims()
		if err != nil {
			return err // it has been in force
		}
		t.free.take(wanted, key)
	}
	next, err := s.build(d, &t)
	if err != nil {
		return err
	}
	tables, err := s.change(d, leave, next)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	s.tables.Store(tables)
	if s.claims == nil {
		s.claims = make(claims)
	}
	for c := range t.free {
		delete(s.claims, c)
	}
	maps.Copy(s.claims, t.own)
	s.adopt(leave, next)
	return nil
}

// leaving are the sites in force that another takes the place of, or none.
func (s *Set) leaving(d Document, gone []string) map[string]*site {
	leave := make(map[string]*site)
	gone = slices.Clip(gone)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range d.Sites {
		gone = append(gone, d.Sites[i].key())
	}
	for _, key := range gone {
		if in := s.sites[key]; in != nil {
			leave[key] = in
		}
	}
	return leave
}

// change makes the tables without some sites and with others.
func (s *Set) change(d Document, leave, next map[string]*site) (*[2]*sniproxy.Table, error) {
	var out [2]*sniproxy.Table
	var gone [2][]string
	if now := s.tables.Load(); now != nil {
		out = [2]*sniproxy.Table{now[0].Clone(), now[1].Clone()}
	} else {
		out = [2]*sniproxy.Table{new(sniproxy.Table), new(sniproxy.Table)}
	}
	for _, in := range leave {
		for i, b := range []sniproxy.Backend{in.tls, in.http} {
			if b != nil {
				gone[i] = append(append(gone[i], in.Names...), in.places()...)
			}
		}
	}
	tls, http := routesOf(d, next, s)
	return &out, errors.Join(out[0].Update(gone[0], tls), out[1].Update(gone[1], http))
}
