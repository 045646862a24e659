package snmp_test

import (
	"errors"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// fuzzColumns are what the driver reads.
var fuzzColumns = []string{
	peth + "3", peth + "6", peth + "7", peth + "10", peth + "8", peth + "14", pethMain + "2", pethMain + "4", pethMain + "5",
	"1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.3", "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.31.1.1.1.18",
	cpe + "1", cpe + "9", cpe + "10", cpe + "11", "1.3.6.1.2.1.47.1.1.1.1.7", "1.3.6.1.2.1.47.1.3.2.1.2",
	enterprises + "1991.1.1.2.14.2.2.1.2", enterprises + "1991.1.1.2.14.2.2.1.6", enterprises + "1991.1.1.2.14.4.1.1.2",
	enterprises + "14988.1.1.15.1.1.3", enterprises + "14988.1.1.15.1.1.6", enterprises + "4413.1.1.15.1.1.1.2",
}

// fuzzed makes an agent of bytes: column, length of the index, index, kind of
// value, value.
func fuzzed(b []byte) *snmptest.Agent {
	a := snmptest.NewAgent()
	next := func() byte {
		if len(b) == 0 {
			return 0
		}
		c := b[0]
		b = b[1:]
		return c
	}
	for len(b) > 0 {
		o := snmpx.MustOID(fuzzColumns[int(next())%len(fuzzColumns)])
		for range next()%3 + 1 {
			o = append(o, uint32(next()))
		}
		var v snmpx.Value
		switch kind := next(); kind % 5 {
		case 0:
			v = snmpx.Integer(int32(int8(next())))
		case 1:
			v = snmpx.Gauge32(uint32(next()) << (next() % 25))
		case 2:
			n := min(int(next()%8), len(b))
			v, b = snmpx.OctetString(b[:n]), b[n:]
		case 3:
			v = snmpx.ObjectID(snmpx.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 1, uint32(next())})
		case 4:
			v = snmpx.Value{Type: snmpx.TypeNull}
		}
		a.Set(o, v)
	}
	return a
}

// Whatever a switch answers, nothing panics, ports have names and rows of their
// own, and what is written is the row that was read as that port's.
func FuzzSwitch(f *testing.F) {
	f.Add(byte(0), []byte{})
	for vendor := range byte(snmp.MikroTik) + 1 {
		f.Add(vendor, []byte{0, 1, 1, 7, 0, 1, 1, 1, 1, 7, 0, 3, 9, 0, 7, 2, 1, 'a', 10, 0, 7, 0, 6, 11, 0, 7, 2, 1, 'a'})
		f.Add(vendor, []byte{0, 1, 3, 29, 0, 1, 16, 1, 3, 29, 0, 9, 17, 0, 9, 2, 1, 'a', 18, 1, 9, 0, 3, 5, 9, 0, 5, 2, 1, 'a'})
		f.Add(vendor, []byte{19, 0, 7, 0, 3, 22, 0, 7, 0, 3, 9, 0, 7, 2, 1, 'a', 10, 0, 7, 0, 6, 6, 0, 1, 1, 9, 9, 7, 0, 1, 1, 255, 24})
	}
	f.Fuzz(func(t *testing.T, vendor byte, objects []byte) {
		if len(objects) > 512 {
			return
		}
		a := fuzzed(objects)
		a.Writable(snmpx.OID{1, 3}, snmptest.Hook{})
		cfg := hasty(config(snmptest.Start(t, a)))
		cfg.Settle, cfg.Vendor = -1, snmp.Vendor(vendor%byte(snmp.MikroTik+1))
		if cfg.Vendor == snmp.Auto {
			cfg.Vendor = snmp.Standard
		}
		s, err := snmp.Dial(t.Context(), cfg)
		if err != nil {
			return
		}
		defer s.Close()
		if _, err := s.Budgets(t.Context()); err == nil && cfg.Vendor == snmp.MikroTik {
			t.Error("MikroTik has no budgets")
		}
		ports, err := s.Ports(t.Context())
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, p := range ports {
			if p.Name == "" || p.Index == "" || names[p.Name] {
				t.Errorf("port %+v has no name or row of its own", p)
			}
			names[p.Name] = true
		}
		if len(ports) > 0 {
			before := len(a.Below(snmpx.OID{1, 3}))
			err := s.SetAdmin(t.Context(), ports[0].Name, !ports[0].Admin)
			if errors.Is(err, poe.ErrUnknownPort) {
				t.Error(err)
			}
			if after := len(a.Below(snmpx.OID{1, 3})); after != before {
				t.Errorf("there were %d objects, and are %d after a write", before, after)
			}
		}
	})
}
