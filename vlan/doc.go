// Package vlan gives each Raspberry Pi a private network with its file server,
// on switches that all share, and proves that they are apart.
package vlan
