// Package realtest has no code of its own: its tests boot real machines from
// the servers of hostkit, and talk to these with other people's programs.
//
// QEMU runs Debian's kernel by iPXE in a BIOS, by OVMF's PXE and HTTP boot, by
// U-Boot, and on an emulated Raspberry Pi 3; ISC's and busybox's DHCP clients,
// ISC's relay agent and Kea's perfdhcp ask for addresses; curl, tftp-hpa, atftp
// and busybox fetch files. Each test has a network namespace of its own, in
// which the servers run as a process of their own.
//
// The tests need root, Linux and the programs of .ci/packages. Kernels and
// firmware come out of Debian packages that are downloaded, not installed.
// Without these a test is skipped, or fails with HOSTKIT_REQUIRE_E2E=1.
package realtest
