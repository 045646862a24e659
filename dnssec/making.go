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

// settings are what records depend on besides the unsigned zone, the apex excepted:
// that is always made anew. They are equal by ==.
type settings struct {
	denial    Denial
	keys      string // that sign, with their roles
	negative  uint32 // the TTL of denial records
	apexHides Kind
}

func (s *Signer) settings(unsigned *Zone, uses []KeyUse) settings {
	var keys []byte
	for _, u := range uses {
		roles := byte(0)
		if u.SignKeys {
			roles = 1
		}
		if u.SignZone {
			roles |= 2
		}
		if roles != 0 {
			rdata := u.Key.rdata()
			keys = binary.BigEndian.AppendUint16(append(keys, roles), uint16(len(rdata)))
			keys = append(keys, rdata...)
		}
	}
	return settings{
		denial: s.Denial, keys: string(keys), negative: unsigned.negativeTTL(),
		apexHides: unsigned.hides(unsigned.nodes.get(unsigned.key)),
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
