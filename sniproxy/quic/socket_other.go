//go:build !linux

package quic

// doNotFragment does nothing here: what is too long is sent in fragments.
func doNotFragment(int) error { return nil }
