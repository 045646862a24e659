package routes

import (
	"maps"
	"slices"
)

// An arbiter decides which of the sites that want a name has it: the first by key, and a
// site has all that it wants or is left out. It does that for what changed and what that
// concerns, and comes to what it would if it had begun anew.
type arbiter struct {
	sites map[string]*applicant
	wants map[claim][]string // keys of sites, in order
	dirty map[string]bool    // keys of sites that are to be decided on
	in    int                // how many sites have what they want
}

// applicant is a site that wants names.
type applicant struct {
	site   Site
	claims []claim
	in     bool   // it has them
	rival  string // the key of the site that has one of them, if not in
}

func newArbiter() *arbiter {
	return &arbiter{sites: make(map[string]*applicant), wants: make(map[claim][]string), dirty: make(map[string]bool)}
}

// put adds a site, or changes it.
func (a *arbiter) put(key string, site Site, claims []claim) {
	a.remove(key)
	a.sites[key] = &applicant{site: site, claims: claims}
	for _, c := range claims {
		list := a.wants[c]
		at, _ := slices.BinarySearch(list, key)
		a.wants[c] = slices.Insert(list, at, key)
	}
}

// remove takes a site out, if it is there.
func (a *arbiter) remove(key string) {
	a.dirty[key] = true
	old := a.sites[key]
	if old == nil {
		return
	}
	if old.in {
		a.in--
		a.touch(key, old)
	}
	for _, c := range old.claims {
		list := a.wants[c]
		if at, ok := slices.BinarySearch(list, key); ok {
			list = slices.Delete(list, at, at+1)
		}
		if a.wants[c] = list; len(list) == 0 {
			delete(a.wants, c)
		}
	}
	delete(a.sites, key)
}

// touch has all decided on that come after a site and want what it wants.
func (a *arbiter) touch(key string, s *applicant) {
	for _, c := range s.claims {
		for _, other := range a.wants[c] {
			if other > key {
				a.dirty[other] = true
			}
		}
	}
}

// settle decides, and returns the keys that it decided on, in order. A decision is final
// when nothing before it in that order is left.
func (a *arbiter) settle() []string {
	var done []string
	todo := slices.Sorted(maps.Keys(a.dirty))
	clear(a.dirty)
	for len(todo) > 0 {
		key := todo[0]
		todo = todo[1:]
		done = append(done, key)
		s := a.sites[key]
		if s == nil {
			continue
		}
		before := s.in
		s.in, s.rival = a.decide(key, s)
		if s.in == before {
			continue
		}
		if s.in {
			a.in++
		} else {
			a.in--
		}
		a.touch(key, s)
		for other := range a.dirty { // all of them after key
			if at, found := slices.BinarySearch(todo, other); !found {
				todo = slices.Insert(todo, at, other)
			}
		}
		clear(a.dirty)
	}
	return done
}

// decide says whether the site can have all that it wants, and if not who is before it.
func (a *arbiter) decide(key string, s *applicant) (in bool, rival string) {
	for _, c := range s.claims {
		for _, other := range a.wants[c] {
			if other >= key {
				break
			}
			if a.sites[other].in {
				return false, other
			}
		}
	}
	return true, ""
}
