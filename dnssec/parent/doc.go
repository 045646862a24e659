// Package parent keeps a zone's DS records at its parent zone right: it asks
// every name server of the parent what is there, and has the ways of changing
// it.
//
//	driver := &parent.Update{ // a parent zone that takes dynamic updates
//		Server:   netip.MustParseAddrPort("192.0.2.1:53"),
//		Key:      parent.TSIG{Name: "child.", Secret: secret},
//		Observer: &parent.Poller{}, // finds the parent's name servers by the system's resolver
//	}
//	err := driver.Submit(ctx, "child.example.", add, remove)
//	facts, err := driver.Observe(ctx, "child.example.") // for rotate.Step
//
// Each driver has the same two methods. Submit asks for a change, and may be
// called again for one that was asked for, in whole or in part. Observe says what
// the parent's name servers answer, which is all that a key rollover may go by.
//
//   - [Poller] observes, by asking every address of every name server.
//   - [CDSOnly] is for parents that look at CDS and CDNSKEY records (RFC 7344,
//     RFC 8078): nothing is submitted.
//   - [Notify] tells such a parent to look now (RFC 9859).
//   - [Manual] tells a person which records to add and remove.
//   - [Update] sends a dynamic update (RFC 2136) to the parent's primary.
//   - Package epp, below this one, is a registrar's connection to a registry.
//   - [Driver] puts several together.
//
// [SignalRecords] makes the records by which a parent that scans may trust the
// first DS of a zone (RFC 9615), and [Bootstrap] checks them as a parent does.
//
// A Poller reports as unanswered whatever it cannot believe: an error, a time-out,
// a referral, a server that is not one of the parent's, an answer whose
// signature is not good. Nothing is concluded from those. With [Resolver].Anchors
// answers, also that there is no DS, are validated by the parent's keys.
package parent
