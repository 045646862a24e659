// Package nfsroottest tests what makes, serves and mounts roots.
//
//	func TestMount(t *testing.T) { nfsroottest.RunProbes(t, "/mnt") }
//
// [Probe] asks any mounted file system, over NFS or not, how far it behaves like
// a local one: mode bits, links, device nodes, owners and what other users are
// denied, times, names, folders with thousands of entries, files that are
// unlinked or renamed while they are open, locks, sparse and large files. A
// [Result] that failed is something that breaks a Debian root; what NFSv3 does
// not carry, such as extended attributes, is reported as optional. Command
// nfsprobe does the same from the command line, in a guest that has nothing else.
//
// For tests that build no real root there is a tree that looks like one, and a
// runner that records what it would have run.
//
// # What it does not do
//
// The probes do not test durability (what is left after the server lost power),
// locks between machines, or access by two clients at a time.
package nfsroottest
