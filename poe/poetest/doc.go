// Package poetest tests programs that switch power: it has a network switch in
// memory, with every fault that real ones have, and suites that hold
// implementations of [poe.Switch] and [poe.Store] to their contracts.
//
//	sw := poetest.New(8)
//	sw.Plug("3", poetest.Device{Class: 2, Milliwatts: 2100})
//	c := &poe.Controller{Switch: sw}
//	_, err := c.Cycle(t.Context(), "3", poe.Reason{Who: "test"})
//
// A [Switch] takes its time from package time and starts no goroutine: in a
// bubble of testing/synctest its seconds take none. Its [SwitchFaults] may be
// changed while it runs: orders that fail at a chosen step, are slow, get lost,
// arrive late or twice, or are taken and ignored; ports that go on giving power,
// or never begin. Its supply has a budget, beyond which it denies power and counts
// that.
//
// An [Agent] serves such a switch, or another [poe.Switch], over SNMPv2c with the
// tables of a vendor. Its [Faults] are those of agents and of the network before
// them.
//
// [TestSwitch] and [TestStore] are for whoever writes a driver or a store.
package poetest
