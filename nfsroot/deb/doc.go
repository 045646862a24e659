// Package deb fetches and unpacks Debian packages of any suite and
// architecture, without root, without installing anything and without touching
// the machine's own package lists.
//
//	src := &deb.Source{Dir: "/var/cache/hostkit/bookworm-arm64", Suite: "bookworm", Arch: nfsroot.ARM64}
//	path, version, err := src.Fetch(ctx, "linux-image-6.1.0-*-arm64")
//	…
//	err = deb.Unpack(ctx, path, "kernel")
//
// It runs apt with a configuration and folders of its own, so signatures and
// hashes are checked by apt, and by the package once more when it takes a file
// out of its cache. Unpacking runs dpkg-deb -x: none of a package's own scripts
// is ever run.
//
// Its nouns are [Source], where packages come from, and [Package], what the
// archive says of one. A package that does not exist is [io/fs.ErrNotExist];
// [ErrHash], [ErrExpired], [ErrClock], [ErrSignature] and [ErrOffline] tell
// apart what else goes wrong with an archive.
package deb
