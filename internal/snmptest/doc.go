// Package snmptest is an SNMP agent for tests: a switch's tables behind a real
// UDP socket, with a hook for each object that is written, and faults to order.
//
//	sw := snmptest.NewAgent()
//	admin := snmpx.MustOID("1.3.6.1.2.1.105.1.1.1.3.1.7")
//	sw.Set(admin, snmpx.Integer(1))
//	sw.Writable(admin, snmptest.Hook{Check: snmptest.OneOf(1, 2)})
//	addr := snmptest.Start(t, sw)
//
// [Agent] speaks SNMPv2c with its own encoder and decoder, so that a client's
// errors do not cancel out. It is small: hundreds run in one process.
// [Agent.LoadRecording] fills it from a recording in the format of snmpsim.
//
// [StartSnmpd] and [StartSnmpsim] run net-snmp's agent and snmpsim, which know
// SNMPv3 too, for what a fake of our own cannot prove.
//
// # Faults
//
// [Faults] lose, double, delay and reorder messages, cut tables short, answer
// tooBig, change half of a SET or none of it while saying that all is well, and
// answer in the name of somebody else.
package snmptest
