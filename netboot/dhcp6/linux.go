package dhcp6

import "log/slog"

// LinuxConfig says what [ListenLinux] serves.
type LinuxConfig struct {
	// Match reports whether to serve the interface of that name. Nil means
	// every interface but loopback.
	Match func(name string) bool
	// Log is told of interfaces that come and go. Nil discards.
	Log *slog.Logger
}
