package snmp

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Vendor is whose tables a switch has besides those of RFC 3621: where its watts
// are and in which unit, and which row of the power table is which port.
type Vendor uint8

// The vendors that the driver knows. Auto reads sysObjectID.
const (
	Auto     Vendor = iota
	Standard        // RFC 3621 and no more: watts by class, ports by Config.Ports
	Cisco           // IOS and IOS XE: CISCO-POWER-ETHERNET-EXT-MIB
	CiscoSB         // Small Business, CBS: CISCOSB-POE-MIB
	ArubaS          // HP ProCurve and Aruba AOS-S: HP-ICF-POE-MIB
	ArubaCX         // AOS-CX: ARUBAWIRED-POE-MIB
	Fastpath        // Broadcom FASTPATH at its own root, as Ubiquiti EdgeSwitch has it
	Netgear         // FASTPATH at Netgear's roots
	Dell            // FASTPATH at Dell's root: DNOS, the N series
	Force10         // FASTPATH at Force10's root
	Comware         // HPE and H3C: HH3C-POWER-ETH-EXT-MIB
	Foundry         // Brocade and Ruckus ICX: FOUNDRY-POE-MIB, in place of RFC 3621
	MikroTik        // RouterOS: MIKROTIK-MIB, in place of RFC 3621, for reading only
)

var vendorNames = [...]string{
	"auto", "standard", "cisco", "ciscosb", "aruba-s", "aruba-cx", "fastpath", "netgear", "dell", "force10", "comware",
	"foundry", "mikrotik",
}

// String is the vendor's name, as "aruba-cx".
func (v Vendor) String() string { return nameOf(v, vendorNames[:]...) }

// MarshalText is [Vendor.String].
func (v Vendor) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (v *Vendor) UnmarshalText(text []byte) error {
	for i, name := range vendorNames {
		if name == string(text) {
			*v = Vendor(i)
			return nil
		}
	}
	return fmt.Errorf("snmp: no vendor is named %q; there are %q", text, vendorNames)
}

// enterprise is what an enterprise's products have in front of their
// sysObjectID.
type enterprise struct {
	prefix snmpx.OID
	vendor Vendor
}

// enterprises has the longer prefixes first.
var enterprises = [...]enterprise{
	{snmpx.OID{1, 3, 6, 1, 4, 1, 9, 6, 1}, CiscoSB},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 9}, Cisco},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 11, 2, 3, 7, 11}, ArubaS},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 47196, 4, 1, 1}, ArubaCX},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 4413}, Fastpath},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 4526}, Netgear},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 674, 10895}, Dell},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 6027}, Force10},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 25506}, Comware},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 1991}, Foundry},
	{snmpx.OID{1, 3, 6, 1, 4, 1, 14988}, MikroTik},
}

// vendorOf returns whose product has this sysObjectID: [Standard] for everyone
// else's.
func vendorOf(id snmpx.OID) Vendor {
	for _, e := range enterprises {
		if id.HasPrefix(e.prefix) {
			return e.vendor
		}
	}
	return Standard
}
