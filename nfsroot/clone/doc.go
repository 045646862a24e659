// Package clone makes a writable copy of a root tree for each machine, in the
// cheapest way that a filesystem has.
//
//	c, err := clone.Probe(ctx, "/srv/roots")
//	err = c.Clone(ctx, "/srv/roots/base", "/srv/roots/pi1")
//	err = c.Remove(ctx, "/srv/roots/pi1")
//
// A [Cloner] is one of four drivers. [Btrfs] snapshots, [Reflink] shares blocks
// file by file, [Overlay] mounts, [Copy] copies. [Probe] tries them for real in
// the folder where the clones will be, in this order, and takes the first that
// works; [Try] says why each other one does not:
//
//  1. Btrfs: instant, shares space, and each clone is a filesystem of its own to
//     an NFS server.
//  2. Reflink (xfs, btrfs): a second or less, shares space, nothing to mount.
//  3. Overlay: instant and shares space, but it holds only while the base never
//     changes and the mounts are there: they have to be made again after each
//     start of the server ([Overlay.Remount]), and a mounted root cannot be
//     exchanged for another one atomically. It comes before Copy because on ext4
//     a hundred copies take minutes and gigabytes.
//  4. Copy: works everywhere.
//
// Of all drivers: dst appears whole or not at all, and is on disk when Clone
// returns; a Clone that fails, is cancelled or runs out of space leaves nothing
// ([errors.Is] finds ENOSPC); dst that exists is [fs.ErrExist]. What a killed
// process leaves is hidden beside dst and [Sweep] removes it. No symbolic link in
// a tree is followed, in cloning or removing. Remove refuses a tree in which
// something is mounted ([ErrMounted]).
//
// Nothing here changes what is inside a clone; hostname, keys and the like are
// for nfsroot/identity.
package clone
