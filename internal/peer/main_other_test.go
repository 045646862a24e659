//go:build !linux

package peer_test

import "os"

var terminate = os.Kill
