// Package dnssec signs zones: it has zones in the canonical form that signatures are
// made over, the keys that make them, and the signer.
//
//	zone, err := dnssec.ParseZone(file, "example.org", dnssec.Options{})
//	ksk, err := dnssec.GenerateKey("example.org", dnssec.KeyOptions{SEP: true})
//	zsk, err := dnssec.GenerateKey("example.org", dnssec.KeyOptions{Others: []*dnssec.Key{ksk}})
//	keys := []dnssec.KeyUse{dnssec.KSK(ksk), dnssec.ZSK(zsk)}
//
//	var signer dnssec.Signer // NSEC, signatures for 14 days
//	signed, report, err := signer.Sign(ctx, zone, nil, keys, time.Now())
//	// later, at report.NextRefresh or when the zone has changed:
//	next, report, err := signer.Sign(ctx, zone, signed, keys, time.Now())
//	removed, added := dnssec.Diff(signed, next) // for an incremental transfer
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
// and writes the key files of BIND with their timing metadata. A [KeyUse] says what
// a key does in a zone; the steps of a rollover are changes of these.
//
// A [Signer] is a function of the unsigned zone, the one published last, the keys
// and the time. It keeps every signature that is still good, gives a publication one
// serial, and returns the previous zone itself when there is nothing to do.
//
// It refuses records out of the zone, of another class than IN, of types that only
// messages have, and those that exclude each other, as a CNAME and anything else;
// keys with one tag; an algorithm that is published and does not sign everything;
// algorithms with SHA-1; iterations and salt of NSEC3.
package dnssec
