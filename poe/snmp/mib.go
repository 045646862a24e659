package snmp

import "github.com/mythic-beasts/hostkit/internal/snmpx"

// The objects of SNMPv2-MIB, IF-MIB and ENTITY-MIB (RFC 3418, 2863 and 6933).
var (
	sysObjectID              = snmpx.OID{1, 3, 6, 1, 2, 1, 1, 2, 0}
	ifIndexColumn            = snmpx.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 1}
	ifDescr                  = snmpx.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 2}
	ifType                   = snmpx.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 3}
	ifName                   = snmpx.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}
	ifAlias                  = snmpx.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18}
	entPhysicalName          = snmpx.OID{1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 7}
	entAliasMapping          = snmpx.OID{1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2}
	pethNotifications        = snmpx.OID{1, 3, 6, 1, 2, 1, 105, 0}
	pethPsePort              = snmpx.OID{1, 3, 6, 1, 2, 1, 105, 1, 1, 1}
	pethMainPse              = snmpx.OID{1, 3, 6, 1, 2, 1, 105, 1, 3, 1, 1}
	pethPsePortAdminEnable   = pethPsePort.Append(3) // TruthValue: true(1), false(2)
	pethPsePortDetection     = pethPsePort.Append(6)
	pethPsePortPriority      = pethPsePort.Append(7)
	pethPsePortMPSAbsent     = pethPsePort.Append(8)
	pethPsePortClass         = pethPsePort.Append(10) // class0(1) … class4(5)
	pethPsePortInvalid       = pethPsePort.Append(11)
	pethPsePortDenied        = pethPsePort.Append(12)
	pethPsePortOverload      = pethPsePort.Append(13)
	pethPsePortShort         = pethPsePort.Append(14)
	pethMainPsePower         = pethMainPse.Append(2)
	pethMainPseOperStatus    = pethMainPse.Append(3) // on(1), off(2), faulty(3)
	pethMainPseConsumption   = pethMainPse.Append(4)
	pethMainPseThreshold     = pethMainPse.Append(5)
	cpeExtPsePort            = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 9, 402, 1, 2, 1}
	cpeExtPsePortEnable      = cpeExtPsePort.Append(1) // auto(1), static(2), limit(3), disable(4)
	cpeExtPsePortConsumption = cpeExtPsePort.Append(9)
	cpeExtPsePortMaxDrawn    = cpeExtPsePort.Append(10)
	cpeExtPsePortEntPhyIndex = cpeExtPsePort.Append(11)
)

// Truth values, which RFC 2579 does not number as one would.
const (
	truthTrue  = 1
	truthFalse = 2
)

// What only one vendor has.
var (
	hpicfPoePortPower        = snmpx.OID{1, 3, 6, 1, 4, 1, 11, 2, 14, 11, 1, 9, 1, 1, 1, 3}
	hpicfPoePortActualPower  = snmpx.OID{1, 3, 6, 1, 4, 1, 11, 2, 14, 11, 1, 9, 1, 1, 1, 8}
	hpSwitchImplicitSave     = snmpx.OID{1, 3, 6, 1, 4, 1, 11, 2, 14, 11, 5, 1, 7, 1, 29, 1, 11, 0} // enable(1), disable(2)
	arubaWiredPoePowerDrawn  = snmpx.OID{1, 3, 6, 1, 4, 1, 47196, 4, 1, 1, 3, 8, 1, 1, 1, 7}
	rlPethPsePortOutputPower = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 6, 1, 101, 108, 1, 1, 5}
	hh3cPsePortCurrentPower  = snmpx.OID{1, 3, 6, 1, 4, 1, 25506, 2, 14, 1, 1, 5}
	snAgentPoe               = snmpx.OID{1, 3, 6, 1, 4, 1, 1991, 1, 1, 2, 14}
	snAgentPoePort           = snAgentPoe.Append(2, 2, 1)
	snAgentPoePortControl    = snAgentPoePort.Append(2) // other(1), disable(2), enable(3), enableLegacyDevice(4)
	snAgentPoePortClass      = snAgentPoePort.Append(4)
	snAgentPoePortPriority   = snAgentPoePort.Append(5)
	snAgentPoePortConsumed   = snAgentPoePort.Append(6)
	snAgentPoeUnitTotal      = snAgentPoe.Append(4, 1, 1, 2)
	snAgentPoeUnitFree       = snAgentPoe.Append(4, 1, 1, 3)
	snAgentPoeGblTotal       = snAgentPoe.Append(1, 1, 0)
	snAgentPoeGblFree        = snAgentPoe.Append(1, 2, 0)
	mtxrPOE                  = snmpx.OID{1, 3, 6, 1, 4, 1, 14988, 1, 1, 15, 1, 1}
	mtxrPOEStatus            = mtxrPOE.Append(3)
	mtxrPOEVoltage           = mtxrPOE.Append(4)
	mtxrPOECurrent           = mtxrPOE.Append(5)
	mtxrPOEPower             = mtxrPOE.Append(6)
)
