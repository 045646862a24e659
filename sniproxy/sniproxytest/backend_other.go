//go:build !linux

package sniproxytest

import (
	"net"
	"testing"
)

// fill needs Linux, where a listener's queue can be shortened to one.
func fill(t testing.TB, _ net.Listener) func() {
	t.Helper()
	t.Skip("sniproxytest: BackendFull needs Linux")
	return nil
}
