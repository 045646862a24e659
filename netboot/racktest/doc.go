// Package racktest boots emulated Raspberry Pis from the servers of this
// module, on network interfaces as a rack has them: one for each Pi, named
// like a VLAN's, with a network of two addresses. It is tests only.
//
//	HOSTKIT_REQUIRE_E2E=1 go test -race ./netboot/racktest
//
// The servers run in the test's process, which is in a network namespace of
// its own, and the Pis in a second one; a virtual cable joins each pair. Every
// cure for a flaw of boot firmware is shown twice: with it a Pi that has the
// flaw boots, and with nothing but the cure switched off it does not.
package racktest
