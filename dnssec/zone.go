package dnssec

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"sync/atomic"

	"github.com/miekg/dns"
)

// Zone is a snapshot of a zone. It does not change, so that any number of
// goroutines may read it; [Zone.Update] makes another that shares with it what is
// the same. Names are in canonical form: the case of letters in owners, and in the
// names that RFC 4034, section 6.2, lists, is not kept.
type Zone struct {
	origin Name
	key    string
	nodes  tree
	made   atomic.Pointer[making] // of a zone that a Signer made; nil if not known
}

// Options are how records become a zone. The zero value works.
type Options struct {
	// DefaultTTL is that of records before any TTL of a file, in seconds; zero
	// means 3600.
	DefaultTTL uint32
	// Warn is told when the TTLs of an RRset were unequal and became the least of
	// them (RFC 2181, section 5.2). Nil tells nobody.
	Warn func(TTLChange)
}

// TTLChange is a record that got a lower TTL, to have that of its RRset.
type TTLChange struct {
	Name     Name
	Type     uint16
	From, To uint32
}

// ZoneError is records that cannot be in one zone together.
type ZoneError struct {
	Name Name
	Type uint16
	// Why says what is wrong with them.
	Why string
}

// Error names them.
func (e *ZoneError) Error() string {
	return fmt.Sprintf("dnssec: zone: %s at %q: %s", dns.Type(e.Type), e.Name, e.Why)
}

// NewZone makes a zone of records in any order; each counts once. It wants one SOA,
// at the origin, and refuses names out of the zone and records that exclude each
// other with a [*ZoneError].
func NewZone(origin string, rrs []dns.RR, o Options) (*Zone, error) {
	return collect(origin, o, func(add func(dns.RR) error) error {
		for _, rr := range rrs {
			if err := add(rr); err != nil {
				return err
			}
		}
		return nil
	})
}

// ParseZone reads a zone file (RFC 1035, section 5). $INCLUDE is refused.
func ParseZone(r io.Reader, origin string, o Options) (*Zone, error) {
	name, err := ParseName(origin)
	if err != nil {
		return nil, err
	}
	if o.DefaultTTL == 0 {
		o.DefaultTTL = 3600
	}
	parser := dns.NewZoneParser(r, name.String(), "")
	parser.SetDefaultTTL(o.DefaultTTL)
	return collect(origin, o, func(add func(dns.RR) error) error {
		for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
			if err := add(rr); err != nil {
				return err
			}
		}
		if err := parser.Err(); err != nil {
			return fmt.Errorf("dnssec: zone %q: %w", name, err)
		}
		return nil
	})
}

// collect makes a zone of what from adds.
func collect(origin string, o Options, from func(add func(dns.RR) error) error) (*Zone, error) {
	name, err := ParseName(origin)
	if err != nil {
		return nil, err
	}
	z := &Zone{origin: name, key: name.key()}
	g := grouper{of: map[string]*draft{}}
	var d decoder
	err = from(func(rr dns.RR) error {
		r, err := d.decode(rr)
		if err != nil {
			return err
		}
		if !r.name.Under(name) {
			return &ZoneError{Name: r.name, Type: r.typ, Why: "is out of the zone"}
		}
		g.add(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	nodes := g.sorted(o.Warn)
	if len(nodes) == 0 || nodes[0].name != name {
		return nil, &ZoneError{Name: name, Type: dns.TypeSOA, Why: "is missing"}
	}
	for _, n := range nodes {
		if fault := n.fault(n.name == name); fault != nil {
			return nil, fault
		}
	}
	z.nodes = newTree(nodes)
	return z, nil
}

// Origin is the name of the apex.
func (z *Zone) Origin() Name { return z.origin }

// Serial is that of the SOA record.
func (z *Zone) Serial() uint32 {
	rdata := z.soa().rdata[0]
	return binary.BigEndian.Uint32([]byte(rdata[len(rdata)-20:]))
}

func (z *Zone) soa() *rrset { return z.nodes.get(z.key).set(dns.TypeSOA, 0) }

// negativeTTL is that of NSEC and NSEC3 records (RFC 9077).
func (z *Zone) negativeTTL() uint32 {
	soa := z.soa()
	rdata := soa.rdata[0]
	return min(soa.ttl, binary.BigEndian.Uint32([]byte(rdata[len(rdata)-4:])), 1<<31-1)
}

// Names is the number of names with records.
func (z *Zone) Names() int { return z.nodes.names() }

// Records is the number of records.
func (z *Zone) Records() int {
	count := 0
	for _, c := range z.nodes {
		count += c.records
	}
	return count
}

// All yields the records in canonical order of their names, the SOA first, each
// signature behind what it signs. They are the caller's.
func (z *Zone) All() iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		for n := range z.nodes.all() {
			for _, s := range n.sets {
				for _, rr := range n.expand(s) {
					if !yield(rr) {
						return
					}
				}
			}
		}
	}
}

// RRset is the records of a name and a type, as stored: no wildcard is expanded.
// For [dns.TypeRRSIG] it is all signatures of the name.
func (z *Zone) RRset(name Name, typ uint16) []dns.RR {
	n := z.nodes.get(name.key())
	if n == nil {
		return nil
	}
	var rrs []dns.RR
	for _, s := range n.sets {
		if s.typ == typ {
			rrs = append(rrs, n.expand(s)...)
		}
	}
	return rrs
}

// expand makes records of a set.
func (n *node) expand(s *rrset) []dns.RR {
	rrs := make([]dns.RR, len(s.rdata))
	for i, rdata := range s.rdata {
		rrs[i] = record{name: n.name, typ: s.typ, ttl: s.ttl, rdata: rdata}.rr()
	}
	return rrs
}

var _ io.WriterTo = (*Zone)(nil)
