package routes

import (
	"fmt"
	"maps"

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
	defaultPlace = "*"
	noNamePlace  = ""
)

// add claims all that the site asks for, or nothing and says what it cannot have.
func (c claims) add(s *Site) error {
	key := s.key()
	var wanted []claim
	for _, name := range s.Names {
		canonical, err := sniproxy.CanonicalName(name)
		if err != nil {
			return err
		}
		wanted = append(wanted, claim{name: canonical})
	}
	if s.Default {
		wanted = append(wanted, claim{name: defaultPlace})
	}
	if s.NoName {
		wanted = append(wanted, claim{name: noNamePlace})
	}
	got := make(claims)
	for _, http := range []bool{false, true} {
		if http && s.HTTPPort < 0 || !http && s.TLSPort < 0 {
			continue
		}
		for _, w := range wanted {
			w.http = http
			if other, taken := c[w]; taken {
				return fmt.Errorf("%s is that of site %q", w, other)
			}
			if got[w] != "" {
				return fmt.Errorf("%s is there twice", w)
			}
			got[w] = key
		}
	}
	maps.Copy(c, got)
	return nil
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
