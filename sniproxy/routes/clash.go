package routes

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// claims are the names that sites have, so that each is one site's.
type claims map[claim]string

// claim is a name for TLS or for HTTP, or one of the special places.
type claim struct {
	http bool
	name string // canonical; see defaultPlace and noNamePlace
}

// Places that are no names.
const (
	defaultPlace = sniproxy.DefaultPlace
	noNamePlace  = sniproxy.NoNamePlace
)

// claims are all that the site asks for.
func (s *Site) claims() ([]claim, error) {
	var names []string
	for _, name := range s.Names {
		canonical, err := sniproxy.CanonicalName(name)
		if err != nil {
			return nil, err
		}
		names = append(names, canonical)
	}
	names = append(names, s.places()...)
	all := make([]claim, 0, 2*len(names))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("%s is there twice", claim{name: name})
		}
		seen[name] = true
		for _, http := range []bool{false, true} {
			if http && s.HTTPPort >= 0 || !http && s.TLSPort >= 0 {
				all = append(all, claim{http, name})
			}
		}
	}
	return all, nil
}

// places are those that are no names.
func (s *Site) places() []string {
	var all []string
	if s.Default {
		all = append(all, defaultPlace)
	}
	if s.NoName {
		all = append(all, noNamePlace)
	}
	return all
}

// taking is how sites take names.
type taking struct {
	have claims // those that are taken before
	free claims // of these, those whose sites leave
	own  claims // those that were taken since
}

// add takes all that the site asks for, or nothing and says what it cannot have.
func (t *taking) add(s *Site) error {
	wanted, err := s.claims()
	if err != nil {
		return err
	}
	for _, w := range wanted {
		other, taken := t.own[w]
		if _, leaves := t.free[w]; !taken && !leaves {
			other, taken = t.have[w]
		}
		if taken {
			return fmt.Errorf("%s is that of site %q", w, other)
		}
	}
	t.own.take(wanted, s.key())
	return nil
}

func (c claims) take(wanted []claim, key string) {
	for _, w := range wanted {
		c[w] = key
	}
}

func (c claim) String() string {
	switch c.name {
	case defaultPlace:
		return "the default"
	case noNamePlace:
		return "the place for clients without a name"
	}
	if c.name[0] == '.' {
		return fmt.Sprintf("name %q", "*"+c.name)
	}
	return fmt.Sprintf("name %q", c.name)
}
