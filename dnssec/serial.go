package dnssec

import (
	"encoding/binary"
	"fmt"
	"time"
)

// SerialPolicy is how a signed zone gets its serial. Each publication gets one
// number more, however many signatures are new.
type SerialPolicy uint8

const (
	// SerialIncrement takes that of the unsigned zone if it is after the last one
	// published, and otherwise the next.
	SerialIncrement SerialPolicy = iota
	// SerialKeep takes that of the unsigned zone, and refuses to publish anything
	// new under an old number.
	SerialKeep
	// SerialUnixTime takes the seconds since 1970, or the next number.
	SerialUnixTime
	// SerialDate takes the day in UTC and two digits, as 2026010100, or the next
	// number.
	SerialDate
)

// serialAfter says whether a comes after b (RFC 1982, section 3.2).
func serialAfter(a, b uint32) bool { return a != b && int32(a-b) > 0 }

// follows says whether a new serial of the unsigned zone is a change.
func (p SerialPolicy) follows() bool { return p == SerialIncrement || p == SerialKeep }

// next is the serial after that of prev, which is nil before the first.
func (p SerialPolicy) next(unsigned, prev *Zone, now time.Time) (uint32, error) {
	var want uint32
	switch p {
	case SerialIncrement, SerialKeep:
		want = unsigned.Serial()
	case SerialUnixTime:
		want = uint32(now.Unix())
	case SerialDate:
		y, m, d := now.UTC().Date()
		want = uint32(((y*100+int(m))*100 + d) * 100)
	default:
		return 0, fmt.Errorf("dnssec: sign %q: serial policy %d is not known", unsigned.origin, p)
	}
	if prev == nil || serialAfter(want, prev.Serial()) {
		return want, nil
	}
	if p == SerialKeep {
		return 0, fmt.Errorf("dnssec: sign %q: serial %d is not after the last one published, %d: raise it, or let the signer",
			unsigned.origin, want, prev.Serial())
	}
	if n := prev.Serial() + 1; n != 0 { // some take zero for none
		return n, nil
	}
	return 1, nil
}

// withSerial is an SOA set with another serial.
func (s *rrset) withSerial(serial uint32) *rrset {
	rdata := []byte(s.rdata[0])
	binary.BigEndian.PutUint32(rdata[len(rdata)-20:], serial)
	return &rrset{typ: s.typ, ttl: s.ttl, rdata: []string{string(rdata)}}
}
