package rpi

import "net"

// ouis are the address blocks registered to the Raspberry Pi Foundation and
// Raspberry Pi Ltd. New ones appear, so their absence proves nothing.
var ouis = map[[3]byte]bool{
	{0xb8, 0x27, 0xeb}: true,
	{0xdc, 0xa6, 0x32}: true,
	{0xe4, 0x5f, 0x01}: true,
	{0xd8, 0x3a, 0xdd}: true,
	{0x28, 0xcd, 0xc1}: true,
	{0x2c, 0xcf, 0x67}: true,
	{0x88, 0xa2, 0x9e}: true,
}

// OldMAC returns the Ethernet address that a Pi up to the 3B+ makes of its
// serial number. A later Pi's has nothing to do with it.
func OldMAC(serial uint32) [6]byte {
	return [6]byte{0xb8, 0x27, 0xeb, byte(serial >> 16), byte(serial >> 8), byte(serial)}
}

// IsOUI reports whether mac is in a block known to be a Raspberry Pi's: a hint,
// never proof.
func IsOUI(mac net.HardwareAddr) bool {
	return len(mac) == 6 && ouis[[3]byte(mac[:3])]
}
