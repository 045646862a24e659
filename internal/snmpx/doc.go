// Package snmpx is an SNMP client that fails when something failed.
package snmpx
