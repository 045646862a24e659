// Package dnssectest is for tests of programs that sign, publish or serve zones:
// zones with one fault each, and the parts of the world around a zone as fakes.
//
//	dnssectest.RequireValid(t, signed)          // the whole zone, by dnssec.Verify
//	for _, m := range dnssectest.Mutations() {  // what a gate must refuse
//		broken, err := m.Apply(dnssectest.Fixture{Zone: signed, Keys: keys, At: now})
//	}
//
// Only testing and the standard library are needed beside hostkit and
// github.com/miekg/dns.
package dnssectest
