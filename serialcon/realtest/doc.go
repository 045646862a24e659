// Package realtest has no code of its own: its tests keep the consoles of real
// machines, which QEMU emulates, and look for every byte in the log.
//
// Debian's kernel runs with its console on a pseudo-terminal, a Unix socket, a
// telnet socket and behind ipmi_sim's Serial over LAN; Debian itself boots with
// systemd and udev, which store descriptors over restarts, and name the adapters
// that are plugged in. QEMU's own log of a console is the judge of ours.
//
// The tests need Linux, root and the programs of .ci/packages. Kernels come out
// of Debian packages that are downloaded, not installed. Without these a test is
// skipped, or fails with HOSTKIT_REQUIRE_E2E=1.
package realtest
