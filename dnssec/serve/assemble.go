package serve

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// assembler makes a zone of the records of a transfer as they come.
type assembler struct {
	zone  dnssec.Name
	have  *dnssec.Zone
	limit int

	soa   *dns.SOA // the first record, which is the last one too
	whole []dns.RR
	steps []step
	// incremental is whether it is changes, known after the second record.
	count       int
	incremental bool
	done        bool
}

// step is the changes from one serial to another.
type step struct {
	from, to       *dns.SOA // to is nil while what is removed comes
	removed, added []dns.RR
}

// message takes the records of one.
func (a *assembler) message(m *dns.Msg) error {
	if len(m.Answer) == 0 {
		return errors.New("a message has no records")
	}
	for _, rr := range m.Answer {
		if a.done {
			return errors.New("there are records behind the last one")
		}
		if a.count++; a.count > a.limit {
			return fmt.Errorf("the transfer has more than %d records", a.limit)
		}
		if err := a.record(rr); err != nil {
			return err
		}
	}
	if a.count == 1 && a.have != nil && !serialAfter(a.soa.Serial, a.have.Serial()) {
		a.done = true // nothing is newer
	}
	return nil
}

func (a *assembler) record(rr dns.RR) error {
	soa, _ := rr.(*dns.SOA)
	if soa != nil {
		if n, err := dnssec.ParseName(soa.Hdr.Name); err != nil || n != a.zone {
			return errors.New("an SOA record is of another zone")
		}
	}
	switch {
	case a.count == 1:
		if soa == nil {
			return errors.New("the first record is no SOA")
		}
		a.soa = soa
		a.whole = append(a.whole, rr)
		return nil
	case a.count == 2 && a.have != nil && soa != nil && soa.Serial != a.soa.Serial:
		a.incremental, a.whole = true, nil
	}
	if a.incremental {
		return a.change(rr, soa)
	}
	if soa != nil {
		if soa.Serial != a.soa.Serial {
			return fmt.Errorf("the last SOA has serial %d, and the first %d", soa.Serial, a.soa.Serial)
		}
		a.done = true
		return nil
	}
	a.whole = append(a.whole, rr)
	return nil
}

// change takes a record of RFC 1995, section 4.
func (a *assembler) change(rr dns.RR, soa *dns.SOA) error {
	last := len(a.steps) - 1
	switch {
	case soa == nil && last < 0:
		return errors.New("changes begin without an SOA")
	case soa == nil && a.steps[last].to == nil:
		a.steps[last].removed = append(a.steps[last].removed, rr)
	case soa == nil:
		a.steps[last].added = append(a.steps[last].added, rr)
	case last >= 0 && a.steps[last].to == nil:
		a.steps[last].to = soa
	case last >= 0 && a.steps[last].to.Serial == a.soa.Serial && soa.Serial == a.soa.Serial:
		a.done = true
	default:
		want := a.have.Serial()
		if last >= 0 {
			want = a.steps[last].to.Serial
		}
		if soa.Serial != want {
			return fmt.Errorf("changes begin at serial %d, and not at %d", soa.Serial, want)
		}
		a.steps = append(a.steps, step{from: soa})
	}
	return nil
}

// result makes the zone; that is the one before if what came is not newer. Changes
// that do not fit are an error, whichever.
func (a *assembler) result() (*dnssec.Zone, error) {
	switch {
	case a.have != nil && !serialAfter(a.soa.Serial, a.have.Serial()):
		return a.have, nil
	case a.incremental:
		return a.update()
	}
	return dnssec.NewZone(a.zone.String(), a.whole, dnssec.Options{})
}

func (a *assembler) update() (*dnssec.Zone, error) {
	records := a.have.Records()
	z, err := a.have.Update(func(tx *dnssec.Tx) error {
		for _, s := range a.steps {
			records += len(s.added) - len(s.removed)
			if err := tx.Remove(append([]dns.RR{s.from}, s.removed...)...); err != nil {
				return err
			}
			if err := tx.Add(append([]dns.RR{s.to}, s.added...)...); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case z.Records() != records:
		return nil, errors.New("the changes add a record that is there")
	case z.Serial() != a.soa.Serial:
		return nil, fmt.Errorf("the changes lead to serial %d, and not to %d", z.Serial(), a.soa.Serial)
	}
	return z, nil
}
