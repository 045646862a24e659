// Package dnssec has zones in the canonical form that signatures are made over, and
// the keys that make them.
//
//	zone, err := dnssec.ParseZone(file, "example.org", dnssec.Options{})
//	next, err := zone.Update(func(tx *dnssec.Tx) error {
//		return tx.Add(record) // a dns.RR of github.com/miekg/dns
//	})
//	removed, added := dnssec.Diff(zone, next) // for an incremental transfer
//
// A [Zone] is a snapshot that never changes. Its records are decoded once, by
// their octets on the wire: escapes such as \065 are gone, letters are in lower
// case where RFC 4034 and RFC 6840 want them so, the names are in canonical order,
// each record is there once, and an RRset has one TTL. [Zone.Update] makes the next
// snapshot at the cost of what changes, [Diff] finds it again. [Zone.Place] says
// what a name is to a zone: a cut, glue, an empty non-terminal, under a DNAME, or
// made by a wildcard.
//
// A [Key] is of algorithm 8, 13, 14 or 15, over any [crypto.Signer]. [KeyDir] reads
// and writes the key files of BIND with their timing metadata.
//
// It refuses records out of the zone, of another class than IN, of types that only
// messages have, and those that exclude each other, as a CNAME and anything else.
package dnssec
