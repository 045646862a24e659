package qbridge_test

import "github.com/mythic-beasts/hostkit/internal/snmpx"

// Objects that the tests look at or put out of order.
var (
	qIfName    = oid("1.3.6.1.2.1.31.1.1.1.1")
	qForbidden = oid("1.3.6.1.2.1.17.7.1.4.3.1.3")
	qPVID      = oid("1.3.6.1.2.1.17.7.1.4.5.1.1")
	qIngress   = oid("1.3.6.1.2.1.17.7.1.4.5.1.3")
)

type value = snmpx.Value

func oid(s string) snmpx.OID { return snmpx.MustOID(s) }

func number(n int32) value { return snmpx.Integer(n) }

func octets(b ...byte) value { return snmpx.OctetString(b) }

const qPVIDType = snmpx.TypeGauge32
