package qbridge

import "github.com/mythic-beasts/hostkit/internal/snmpx"

// RFC 1213, RFC 2863.
var (
	sysObjectID = snmpx.OID{1, 3, 6, 1, 2, 1, 1, 2, 0}
	ifDescr     = snmpx.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 2}
	ifName      = snmpx.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}
)

// BRIDGE-MIB, RFC 4188, and RSTP-MIB, RFC 4318; by dot1dBasePort.
var (
	dot1dBasePortIfIndex      = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2}
	dot1dStpPortAdminEdgePort = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 2, 19, 1, 2}
)

// Q-BRIDGE-MIB, RFC 4363: VLANs by number, and ports by dot1dBasePort.
var (
	dot1qVlanCurrentEgressPorts   = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 2, 1, 4}
	dot1qVlanCurrentUntaggedPorts = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 2, 1, 5}
	dot1qVlanStaticName           = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 1}
	dot1qVlanStaticEgressPorts    = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 2}
	dot1qVlanForbiddenEgressPorts = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 3}
	dot1qVlanStaticUntaggedPorts  = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 4}
	dot1qVlanStaticRowStatus      = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 5}
	dot1qPvid                     = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 5, 1, 1}
	dot1qPortAcceptableFrameTypes = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 5, 1, 2}
	dot1qPortIngressFiltering     = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 5, 1, 3}
)

// RowStatus and TruthValue, RFC 2579.
const (
	rowActive        = 1
	rowCreateAndGo   = 4
	rowCreateAndWait = 5
	rowDestroy       = 6

	isTrue  = 1
	isFalse = 2
)

// Values of dot1qPortAcceptableFrameTypes. The last is some vendors' own.
const (
	admitAll          = 1
	admitOnlyTagged   = 2
	admitOnlyUntagged = 3
)

// Saving the configuration: OLD-CISCO-SYS-MIB, CISCO-CONFIG-COPY-MIB,
// FASTPATH-SWITCHING-MIB at Dell's root, HH3C-CONFIG-MAN-MIB and HP's
// HP-SWITCH-BASIC-CONFIG-MIB.
var (
	ciscoWriteMem     = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 2, 1, 54, 0}
	ccCopySource      = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 9, 96, 1, 1, 1, 1, 3}
	ccCopyDest        = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 9, 96, 1, 1, 1, 1, 4}
	ccCopyState       = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 9, 96, 1, 1, 1, 1, 10}
	ccCopyRowStatus   = snmpx.OID{1, 3, 6, 1, 4, 1, 9, 9, 96, 1, 1, 1, 1, 14}
	dellSaveConfig    = snmpx.OID{1, 3, 6, 1, 4, 1, 674, 10895, 5000, 2, 6132, 1, 1, 1, 3, 1, 0}
	hh3cOperateType   = snmpx.OID{1, 3, 6, 1, 4, 1, 25506, 2, 4, 1, 2, 4, 1, 2}
	hh3cOperateStatus = snmpx.OID{1, 3, 6, 1, 4, 1, 25506, 2, 4, 1, 2, 4, 1, 9}
	hpImplicitSave    = snmpx.OID{1, 3, 6, 1, 4, 1, 11, 2, 14, 11, 5, 1, 7, 1, 29, 1, 11, 0}
	enterpriseCisco   = snmpx.OID{1, 3, 6, 1, 4, 1, 9}
	enterpriseDell    = snmpx.OID{1, 3, 6, 1, 4, 1, 674}
	enterpriseHP      = snmpx.OID{1, 3, 6, 1, 4, 1, 11, 2, 3, 7, 11}
	enterpriseH3C     = snmpx.OID{1, 3, 6, 1, 4, 1, 25506}
)
