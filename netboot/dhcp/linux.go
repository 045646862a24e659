package dhcp

import "log/slog"

// LinuxConfig says what [ListenLinux] listens on. Its zero value listens on
// every Ethernet interface.
type LinuxConfig struct {
	// Match says whether to serve the interface called name. It is asked for
	// each that appears. Nil means every one but the loopback.
	Match func(name string) bool
	// PXE also listens on port 4011, where firmware asks a proxy again, and
	// shares port 67 with a DHCP server on this machine that is willing to.
	// False means that another server on port 67 is an error.
	PXE bool
	// Log is told of interfaces that come and go. Nil discards.
	Log *slog.Logger
}

// LinkStats counts what came in on one interface.
type LinkStats struct {
	Received  uint64 // packets passed on
	Malformed uint64 // packets that are no client's message; see [Parse]
	Dropped   uint64 // packets that the kernel had no room to keep
}

// maxPacket is the longest datagram that is read: more than any client's.
const maxPacket = 4096

// maxQueue is how many packets of all interfaces wait for a worker. Behind it
// each interface's own socket buffer fills, so that a flood on one costs the
// others little.
const maxQueue = 64
