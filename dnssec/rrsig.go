package dnssec

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/miekg/dns"
)

// Where the fields of an RRSIG are (RFC 4034, section 3.1).
const (
	atAlgorithm  = 2
	atLabels     = 3
	atTTL        = 4
	atExpiration = 8
	atInception  = 12
	atTag        = 16
)

// signedLabels is the Labels field: without the root, and without an asterisk that
// is a label of its own.
func signedLabels(n Name) byte {
	labels := n.Labels()
	if n.Wildcard() {
		labels--
	}
	return byte(labels)
}

// appendPrefix adds the data of an RRSIG up to the signature.
func appendPrefix(b []byte, owner Name, s *rrset, k *signingKey, inception, expiration uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, s.typ)
	b = append(b, byte(k.alg), signedLabels(owner))
	b = binary.BigEndian.AppendUint32(b, s.ttl)
	b = binary.BigEndian.AppendUint32(b, expiration)
	b = binary.BigEndian.AppendUint32(b, inception)
	b = binary.BigEndian.AppendUint16(b, k.tag)
	return k.zone.appendWire(b)
}

// appendSet adds the records as they are signed (RFC 4034, section 3.1.8.1).
func appendSet(b []byte, owner Name, s *rrset) []byte {
	for _, rdata := range s.rdata {
		b = owner.appendWire(b)
		b = binary.BigEndian.AppendUint16(b, s.typ)
		b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
		b = binary.BigEndian.AppendUint32(b, s.ttl)
		b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)))
		b = append(b, rdata...)
	}
	return b
}

func at32(rdata string, i int) uint32 { return binary.BigEndian.Uint32([]byte(rdata[i : i+4])) }

// Validity is how long signatures are good for. Zero fields have the values said.
type Validity struct {
	// Lifetime is from now to the last expiration; zero means 14 days.
	Lifetime time.Duration
	// Refresh is how long before it expires a signature is replaced; zero means 5
	// days. It must cover the way to all secondaries and the longest TTL.
	Refresh time.Duration
	// Skew is how long before now a signature begins, for validators whose clocks
	// are slow; zero means an hour.
	Skew time.Duration
	// Jitter spreads expirations: each RRset has its own moment, always the same,
	// within this time before the end of Lifetime. Zero means 12 hours, less means
	// none.
	Jitter time.Duration
}

func (v Validity) withDefaults() Validity {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	const day = 24 * time.Hour
	set(&v.Lifetime, 14*day)
	set(&v.Refresh, 5*day)
	set(&v.Skew, time.Hour)
	set(&v.Jitter, 12*time.Hour)
	v.Jitter = max(v.Jitter, 0)
	return v
}

// window is when a signature made now begins and expires. Times are modulo 2^32
// (RFC 4034, section 3.1.5), so that 2106 is a year as others.
func (v Validity) window(owner Name, typ uint16, now time.Time) (inception, expiration uint32) {
	end := now.Add(v.Lifetime)
	if v.Jitter >= time.Second {
		h := fnv.New64a()
		_, _ = h.Write([]byte(owner.wire))
		_, _ = h.Write([]byte{byte(typ >> 8), byte(typ)})
		end = end.Add(-time.Duration(h.Sum64()%uint64(v.Jitter/time.Second)) * time.Second)
	}
	return uint32(now.Add(-v.Skew).Unix()), uint32(end.Unix())
}

// left is how long until a signature is to be replaced; not positive is now.
func (v Validity) left(rdata string, now time.Time) time.Duration {
	t := uint32(now.Unix())
	if int32(t-at32(rdata, atInception)) < 0 {
		return 0 // the clock was ahead when it was made
	}
	return time.Duration(int32(at32(rdata, atExpiration)-t))*time.Second - v.Refresh
}
