package dnssec_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

var fuzzKeys = sync.OnceValue(func() []dnssec.KeyUse {
	ksk, err := dnssec.GenerateKey("hosting.test", dnssec.KeyOptions{SEP: true, Algorithm: dnssec.Ed25519})
	if err != nil {
		panic(err)
	}
	zsk, err := dnssec.GenerateKey("hosting.test", dnssec.KeyOptions{Algorithm: dnssec.Ed25519, Others: []*dnssec.Key{ksk}})
	if err != nil {
		panic(err)
	}
	return []dnssec.KeyUse{dnssec.KSK(ksk), dnssec.ZSK(zsk)}
})

// Whatever can be signed is valid, but for what is the contents' own fault.
func FuzzVerifySigned(f *testing.F) {
	f.Add(shapes, byte(0))
	f.Add(typed(), byte(1))
	f.Add("@ SOA a b 1 2 3 4 5\n@ DNAME x.test.\n*.a.b 1 NS c\n\\000.*.d A 192.0.2.1\n", byte(2))
	f.Fuzz(func(t *testing.T, text string, denial byte) {
		z, err := dnssec.ParseZone(strings.NewReader(text), "hosting.test", dnssec.Options{})
		if err != nil {
			return
		}
		z, err = z.Update(func(tx *dnssec.Tx) error {
			for rr := range z.All() {
				switch typ := rr.Header().Rrtype; typ {
				case dns.TypeDS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeZONEMD, dns.TypeNSEC3PARAM:
					tx.RemoveRRset(name(t, rr.Header().Name), typ)
				}
			}
			return nil
		})
		if err != nil {
			return
		}
		s := &dnssec.Signer{Denial: dnssec.Denial(denial % 3)}
		signed, _, err := s.Sign(t.Context(), z, nil, fuzzKeys(), now())
		if err != nil {
			return
		}
		if err := verify(t, signed); err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(lines(slices.Collect(signed.All())), "\n"))
		}
	})
}

// target is a signed zone, and those of its records that are signed or sign.
type target struct {
	zone   *dnssec.Zone
	all    []dns.RR
	proved []int
}

var targets = sync.OnceValue(func() []target {
	var made []target
	for _, denial := range []dnssec.Denial{dnssec.NSEC, dnssec.NSEC3, dnssec.NSEC3OptOut} {
		z, err := dnssec.ParseZone(strings.NewReader(shapes), "hosting.test", dnssec.Options{})
		if err != nil {
			panic(err)
		}
		s := dnssec.Signer{Denial: denial, ZONEMD: []dnssec.ZONEMDHash{dnssec.ZONEMDSHA384}}
		if denial == dnssec.NSEC3 {
			s.ZONEMD = nil // so that it is not the digest that finds all
		}
		z, _, err = s.Sign(context.Background(), z, nil, fuzzKeys(), now())
		if err != nil {
			panic(err)
		}
		made = append(made, target{zone: z, all: slices.Collect(z.All())})
		last := &made[len(made)-1]
		for i, rr := range last.all {
			n, err := dnssec.ParseName(rr.Header().Name)
			if err != nil {
				panic(err)
			}
			kind := z.Place(n).Kind
			if kind == dnssec.Authoritative || kind == dnssec.Delegation && mustBeSigned(kind, rr.Header().Rrtype) || rr.Header().Rrtype == dns.TypeRRSIG {
				last.proved = append(last.proved, i)
			}
		}
	}
	return made
})

// One octet of one record that is signed, or of a signature, is another, or the record
// is gone: the zone is refused, unless it says the same as before.
func FuzzVerifyDamaged(f *testing.F) {
	for i := range uint16(400) {
		f.Add(byte(i), i*7, i*3, byte(1<<(i%8)))
	}
	f.Fuzz(func(t *testing.T, which byte, record, at uint16, flip byte) {
		target := targets()[int(which)%3]
		i := target.proved[int(record)%len(target.proved)]
		rrs := slices.Clone(target.all)
		if flip == 0 {
			rrs = slices.Delete(rrs, i, i+1)
		} else {
			buf := make([]byte, 1<<16)
			end, err := dns.PackRR(rrs[i], buf, 0, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			buf = buf[:end]
			buf[int(at)%end] ^= flip
			rr, n, err := dns.UnpackRR(buf, 0)
			if err != nil || n != end {
				return
			}
			rrs[i] = rr
		}
		bad, err := dnssec.NewZone("hosting.test", rrs, dnssec.Options{})
		if err != nil {
			return
		}
		if removed, added := dnssec.Diff(target.zone, bad); len(removed)+len(added) == 0 {
			return
		}
		if verify(t, bad) == nil {
			t.Fatalf("%v\nbecame\n%v", target.all[i], rrs[min(i, len(rrs)-1)])
		}
	})
}
