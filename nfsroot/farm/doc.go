// Package farm keeps the roots of many diskless Pis: it makes them from a base,
// rebuilds one while its Pi runs, and goes back when the new one does not boot.
//
//	f, err := farm.Open("/srv/farm", farm.Options{Personalize: own, Power: switches})
//	err = f.ImportBase(ctx, "trixie-1", "/srv/build/trixie")
//	err = f.Add(ctx, "trixie-1", "pi1", "pi2")
//	…
//	_, err = f.Rebuild(ctx, "pi1", "trixie-2")
//	err = f.Seen(ctx, "pi1", time.Now()) // from DHCP, a mount, a login
//
// A generation is one root that was built for a Pi. [Farm.Rebuild] builds the next
// one beside the current one, personalizes it, and exchanges the two in one step
// (renameat2(2)). A Pi that runs goes on with the old one, as NFS file handles
// are of inodes and not of paths; it gets the new one when it boots. It is pending
// until a boot is told by [Farm.Seen]. [Next] decides what happens without an
// operator: a power cycle, a rollback when no boot is seen in time, removal of old
// generations ([Farm.GC]) that the Pi cannot be running any more. [Farm.Run] does
// so as time goes by.
//
// [Farm.Push] replaces files, a site's say, in the roots of many running Pis, and
// [Farm.Drift] tells where they are no longer as they were pushed.
//
// # On disk
//
// DIR/serve/NAME/root is the current root; DIR/serve/NAME is to be exported, to
// that Pi alone, so that a server that resolved the export's folder once finds the
// new root at the next mount of …/NAME/root. Bases, other generations, state and
// locks are beside, out of the sight of Pis. All must be on one filesystem, and
// that mounted nodev and nosuid: a Pi's root makes devices and setuid programs.
//
// What a process had begun that was killed, or a server that lost power, [Open]
// finishes or undoes: state is replaced as a whole file that is on disk before the
// step it tells of, and roots are recognised by their file handles. Methods may be
// called by several processes at the same time; locks keep them apart by Pi.
package farm
