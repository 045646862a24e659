// Package peer runs real third-party programs in tests: find one, start it,
// wait until it is ready, stop it.
//
//	dnsmasq := peer.Look(t, "dnsmasq")
//	p := peer.Start(t, exec.Command(dnsmasq, "--keep-in-foreground", "--port=0"), peer.Options{
//		ReadyOutput: regexp.MustCompile(`started, version`),
//	})
//	// … talk to it; the test's cleanup stops it.
//
// A program that is missing skips the test and says why, so that the whole
// suite passes on a laptop that has only Go. With HOSTKIT_REQUIRE_E2E=1 in the
// environment, as in CI, the same absence fails the test: there nothing may be
// skipped silently.
//
// [DebFile] fetches a file out of a Debian package without installing it, for
// packages that conflict with others and for kernels and firmware.
package peer
