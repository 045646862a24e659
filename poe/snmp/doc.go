// Package snmp switches the power of the ports of network switches over SNMP.
package snmp
