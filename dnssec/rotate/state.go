package rotate

import (
	"slices"
	"time"
)

// State is all that is remembered of a zone between steps. The zero value is a zone
// that was never signed. Its JSON is versioned and read strictly.
type State struct {
	// Last is the time of the last step.
	Last time.Time `json:"last,omitzero"`
	// Keys are those that are published, may be cached, or will be published,
	// in the order in which they came.
	Keys []Key `json:"keys,omitempty"`
	// Pending are keys that are to be generated. They are put to use together.
	Pending []Request `json:"pending,omitempty"`
	// Requests is how many keys were ever asked for.
	Requests uint64 `json:"requests,omitempty"`
	// Rolls are what [State.Roll] asked for and was not begun yet.
	Rolls []Role `json:"rolls,omitempty"`
	// Held keeps the policy from beginning rolls, after an abort.
	Held bool `json:"held,omitempty"`
	// Insecure is set while the zone is to end without signatures.
	Insecure bool `json:"insecure,omitempty"`
	// TTLs are the longest that caches may still count down.
	TTLs TTLs `json:"ttls,omitzero"`
}

// Request is for a key that is to be generated.
type Request struct {
	Number    uint64   `json:"number"` // of all the zone's requests
	Role      Role     `json:"role"`
	Algorithm uint8    `json:"algorithm"`
	Use       Use      `json:"use"` // Active or Standby
	Replaces  []string `json:"replaces,omitempty"`
	DSFirst   bool     `json:"ds_first,omitempty"`
	// Key is the key, once there is one.
	Key *NewKey `json:"key,omitempty"`
}

// TTLs are memories of TTLs that were served, by RRset.
type TTLs struct {
	DNSKEY   []ServedTTL `json:"dnskey,omitempty"`
	Negative []ServedTTL `json:"negative,omitempty"` // that there is no DNSKEY
	Zone     []ServedTTL `json:"zone,omitempty"`     // the longest in the zone
	DS       []ServedTTL `json:"ds,omitempty"`
}

// ServedTTL is a TTL and when it was served last.
type ServedTTL struct {
	TTL  time.Duration `json:"ttl"` // nanoseconds
	Last time.Time     `json:"last"`
}

// remember adds a TTL that is served now, and forgets what has run out in every
// cache. A TTL that was lowered counts until then.
func remember(list []ServedTTL, ttl, propagation time.Duration, now time.Time) []ServedTTL {
	list = slices.DeleteFunc(list, func(e ServedTTL) bool {
		return e.TTL <= ttl || e.Last.Add(propagation+e.TTL).Before(now)
	})
	return append(list, ServedTTL{TTL: ttl, Last: now})
}

func longest(lists ...[]ServedTTL) time.Duration {
	var ttl time.Duration
	for _, list := range lists {
		for _, e := range list {
			ttl = max(ttl, e.TTL)
		}
	}
	return ttl
}

func (s *State) clone() State {
	next := *s
	next.Keys = slices.Clone(s.Keys)
	for i := range next.Keys {
		next.Keys[i].Digests = slices.Clone(s.Keys[i].Digests)
		next.Keys[i].Replaces = slices.Clone(s.Keys[i].Replaces)
	}
	next.Pending = slices.Clone(s.Pending)
	for i := range next.Pending {
		next.Pending[i].Replaces = slices.Clone(s.Pending[i].Replaces)
	}
	next.Rolls = slices.Clone(s.Rolls)
	for _, list := range []*[]ServedTTL{&next.TTLs.DNSKEY, &next.TTLs.Negative, &next.TTLs.Zone, &next.TTLs.DS} {
		*list = slices.Clone(*list)
	}
	return next
}

func (s *State) key(id string) *Key {
	for i := range s.Keys {
		if s.Keys[i].ID == id {
			return &s.Keys[i]
		}
	}
	return nil
}

func (s *State) algorithms() []uint8 {
	var algs []uint8
	for i := range s.Keys {
		algs = append(algs, s.Keys[i].Algorithm)
	}
	slices.Sort(algs)
	return slices.Compact(algs)
}

func (s *State) ofAlgorithm(alg uint8) []*Key {
	return s.keys(func(k *Key) bool { return k.Algorithm == alg })
}

func (s *State) keys(ok func(*Key) bool) []*Key {
	var keys []*Key
	for i := range s.Keys {
		if ok(&s.Keys[i]) {
			keys = append(keys, &s.Keys[i])
		}
	}
	return keys
}

func (s *State) any(ok func(*Key) bool) bool { return len(s.keys(ok)) > 0 }

// delegated tells whether any cache can have a DS.
func (s *State) delegated() bool {
	return s.any(func(k *Key) bool { return k.DS.State != Hidden })
}

// wants tells whether a record is intended to be published.
func (s *State) wants(k *Key, kind Kind) bool { return !s.Insecure && k.wants(kind) }
