// Package snmpx is an SNMP client, for v2c and v3, that fails when something
// failed.
//
//	c, err := snmpx.Dial(ctx, snmpx.Config{
//		Addr:        "192.0.2.1",
//		Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: "public", Write: secret}},
//	})
//	rows, err := c.Table(ctx, pethPsePortAdminEnable, pethPsePortDetectionStatus)
//	err = c.Set(ctx, snmpx.Var{OID: pethPsePortAdminEnable.Append(1, 7), Value: snmpx.Integer(2)})
//
// A [Client] has four methods: [Client.Get], [Client.Set], [Client.Table], which
// reads some columns row by row, and [Client.Walk]. [ListenTraps] takes the
// notifications of agents.
//
// # What it sees to
//
//   - An answer with an error-status is a [*PDUError], of a SET and in the middle
//     of a walk as well. A table that an agent cuts short is [ErrTruncated].
//   - The end of a context ends a request at once.
//   - The timeout follows the round trip time (RFC 6298) down to 100 ms. Answers
//     to earlier tries count.
//   - A GETBULK has the columns that were asked for, and gets smaller when the
//     agent answers tooBig, or is silent to it and not to a small request.
//   - An answer has to come from the agent's address, with the id of a request
//     that is under way and the community that it had.
//   - When another SNMPv3 engine answers than before, the session is made anew
//     and the change reported; nothing is written to the new one before somebody
//     was told. With [V3].EngineID it gets no request.
//   - [ErrAuth] says which of user, passphrase, protocol and level is wrong, as
//     far as the agent does. net-snmp is silent to a wrong privacy passphrase:
//     the error is [ErrAuth] and [ErrTimeout] both.
//   - A user without authentication, or with MD5 or DES, only reads.
//   - No printed form of anything here has a [Secret] in it.
//
// # How
//
// github.com/gosnmp/gosnmp signs, encrypts and encodes the messages of v3. It is
// given a connection that stands between it and the socket, and decides when a
// request is sent again, what is an answer to it and when it ends. Messages of
// v2c are encoded and decoded here, at a fifth of the cost.
//
// # What it does not
//
// It speaks UDP and no SNMPv1. It holds one request under way for each client;
// others wait. Who wants a SET to be done for certain has to read it back: some
// switches accept and ignore, and after [ErrTimeout] nobody knows.
package snmpx
