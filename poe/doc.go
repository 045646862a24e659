// Package poe switches the power of machines that get it from a network switch:
// on, off, off and on again; and tells how many watts they draw.
//
//	c := &poe.Controller{
//		Name:    "rack4-sw1",
//		Switch:  sw, // a driver's, as of poe/snmp
//		Policy:  poe.Policy{Protected: []string{"Gi1/0/49"}},
//		Journal: &poe.FileStore{Dir: "/var/lib/poe"},
//		Audit:   poe.AuditFile{Path: "/var/log/poe.jsonl"},
//	}
//	_, err := c.Recover(ctx) // what a crash left undone
//	res, err := c.Cycle(ctx, "Gi1/0/17", poe.Reason{Who: "panel", Why: "the customer's button"})
//
// Its nouns:
//
//   - [Switch] is what a driver implements: ports, one port, an order, supplies of
//     power. [PortStatus] is what a switch says of a port, with watts that say
//     what they are (measured, allocated, or what the device's class may draw).
//   - [Controller] gives the orders, so that a machine is not left dark.
//     [Policy] says what it may do, a [Store] is its journal, an [Audit] is told.
//   - [Controller.Sequence] switches many ports on, one after another.
//   - [Poller] looks at many switches and tells of changes as [Event]s.
//
// # What a cycle is
//
// Protected ports and those that were switched off too often are refused. Whoever
// has the port's lock is alone at it, among all that share the journal. What is
// to be done is written to the disk before the first order goes out. An order
// counts once the switch shows it: the port is off when it is switched off and
// gives no power, and only from then on the time without power is counted. It is
// on when power flows; if it does not, what the switch counted meanwhile (denied,
// overload, short circuit, invalid signature) is in a [*NoPowerError].
//
// An order whose answer is lost may have been carried out, or may be yet. The
// opposite order is not given before the switch was asked what became of the
// first; and a port that is on is looked at again after [Policy].Settle, when
// copies of an "off" that the network held back have arrived.
//
// # What can go wrong
//
// Whatever happens at whatever step of a Cycle or On, the port is on afterwards
// or the journal says that it must be: when the process is killed, the context
// ends, the switch stops answering or does not do as it is told. It is for
// [Controller.Recover] then, at the start of the next process or as soon as the
// caller likes. An Off is never undone.
//
// # What it refuses
//
// It knows ports by the names that the switch gives them and never guesses which
// entry of a table is meant ([ErrUnmapped]). It does not shut down links, which
// on many switches leaves the power on. It does not cycle a port that somebody
// switched off, unless [Policy].WhenOff says so.
package poe
