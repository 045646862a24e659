//go:build !linux

package dial

import (
	"syscall"
	"time"
)

// setUserTimeout does nothing: keepalive probes alone find a vanished peer.
func setUserTimeout(syscall.RawConn, time.Duration) error { return nil }
