// Package loopfs mounts small filesystems in tests: btrfs, xfs and ext4 out of a
// file in memory by a loop device, and tmpfs.
//
//	dir := loopfs.Mount(t, "xfs", loopfs.Options{Format: []string{"-m", "reflink=1"}})
//
// The test needs root and the programs mkfs.TYPE and mount; without them it is
// skipped as internal/peer says. Its cleanup unmounts.
package loopfs
