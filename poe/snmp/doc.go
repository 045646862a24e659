// Package snmp is the driver of package poe for managed switches: it reads and
// switches the power of their ports over SNMPv2c and SNMPv3.
//
//	sw, err := snmp.Dial(ctx, snmp.Config{
//		Addr: "192.0.2.1",
//		Credentials: snmp.Credentials{V3: snmp.V3{
//			User: "poe", Auth: snmp.SHA256, AuthPass: authPass, Priv: snmp.AES, PrivPass: privPass,
//		}},
//	})
//	defer sw.Close()
//	ports, err := sw.Ports(ctx)
//
// A [Switch] is a [poe.Switch]: hand it to a [poe.Controller], which is what makes
// switching safe. [Config] says how to reach it, a [Mapper] which row of its power
// table is which port, and [ListenTraps] takes what switches send by themselves.
//
// # Which row is which port
//
// RFC 3621 numbers ports by a group and an index that each vendor chooses. On a
// Catalyst 3750 the port Fa3/0/25 is row 3.29, and Fa3/0/24 is row 3.26. The driver
// never computes a row from a port's number. It follows the switch's own tables
// from the row to an interface, and takes the row for that interface's port only
// where all agree, names included, and no other row leads there. What remains is
// [poe.ErrUnmapped] until a person says in [Config.Ports] which row it is; the
// switch's tables may not contradict that either. [Switch.Rows] shows what there
// is. Before each write the same is asked again, together with the port's state,
// in one message: after a renumbered stack the write goes to the right row, or
// nowhere.
//
// # What a number of watts is
//
// RFC 3621 has no watts of ports. The vendor, by sysObjectID, says in which table
// and which unit they are; [poe.Power] says whether they were measured or only set
// aside, or what the class of the device may draw where the switch knows no more.
//
//	vendor    switches                    object                               unit
//	cisco     IOS, IOS XE                 cpeExtPsePortPwrConsumption          mW
//	ciscosb   Small Business, CBS         rlPethPsePortOutputPower             mW
//	aruba-s   ProCurve, AOS-S             hpicfPoePethPsePortActualPower       mW
//	aruba-cx  AOS-CX                      arubaWiredPoePethPsePortPowerDrawn   mW
//	fastpath  EdgeSwitch and others       agentPethOutputPower                 mW
//	netgear   managed, smart, older ones  agentPethOutputPower, at three roots mW
//	dell      N series, DNOS              agentPethOutputPower                 mW
//	force10   S series                    agentPethOutputPower                 mW
//	comware   HPE and H3C                 hh3cPsePortCurrentPower              mW
//	foundry   Brocade, Ruckus ICX         snAgentPoePortConsumed               mW
//	mikrotik  RouterOS                    mtxrPOEPower                         0.1 W
//	standard  all others                  none: the class                      -
//
// Foundry and MikroTik have tables of their own in place of RFC 3621's; MikroTik's
// is for reading only.
//
// # What it refuses
//
// It writes one object of one row: whether the port may give power. It does not
// touch ifAdminStatus, which leaves the power on with many vendors, nor
// cpeExtPsePortPwrManAlloc. It writes with no user that lacks encryption or has
// MD5 or DES, unless [Config.AllowWeak]. A refusal by the switch, a table that is
// cut short, and a write that changed nothing are errors.
package snmp
