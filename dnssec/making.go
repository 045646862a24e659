package dnssec

import (
	"encoding/binary"
	"time"
)

// making is how a zone was signed. The next signing starts from it, and needs to look
// only at what has changed since.
type making struct {
	unsigned *Zone
	settings settings
	at       time.Time
}

// settings are what the records of a signed zone depend on besides the unsigned zone.
// They are equal by ==.
type settings struct {
	denial    Denial
	keyTTL    uint32
	keys      string
	digests   string
	negative  uint32
	apexHides Kind
}

func (s *Signer) settings(unsigned *Zone, uses []KeyUse) settings {
	var keys, digests []byte
	for _, u := range uses {
		roles := byte(0)
		for i, is := range []bool{u.Publish, u.SignKeys, u.SignZone} {
			if is {
				roles |= 1 << i
			}
		}
		rdata := u.Key.rdata()
		keys = binary.BigEndian.AppendUint16(append(keys, roles), uint16(len(rdata)))
		keys = append(keys, rdata...)
	}
	for _, h := range s.ZONEMD {
		digests = append(digests, byte(h))
	}
	return settings{
		denial: s.Denial, keyTTL: s.keyTTL(), keys: string(keys), digests: string(digests),
		negative: unsigned.negativeTTL(), apexHides: unsigned.hides(unsigned.nodes.get(unsigned.key)),
	}
}

// remember notes how a zone was signed. The note keeps no zone but the unsigned one.
func (r *run) remember(z *Zone) {
	u := &Zone{origin: r.unsigned.origin, key: r.unsigned.key, nodes: r.unsigned.nodes}
	z.made.Store(&making{unsigned: u, settings: r.settings, at: r.now})
}

// recall is how the previous zone was signed, if the same settings would now make the
// same of what has not changed. Expirations are compared modulo 2^32, so that a clock
// that went back or far ahead is a reason to look at everything.
func (r *run) recall() *making {
	if r.prev == nil {
		return nil
	}
	m := r.prev.made.Load()
	if m == nil || m.settings != r.settings {
		return nil
	}
	if passed := r.now.Sub(m.at); passed < 0 || passed >= 1<<30*time.Second {
		return nil
	}
	return m
}
