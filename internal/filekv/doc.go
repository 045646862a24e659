// Package filekv is a store of keys in plain files, for one machine. See [kv.Store] for
// what it promises.
//
//	s, err := filekv.New("/var/lib/dnssecd/state")
//	rev, err := s.Put(ctx, "zone/example.com", val, 0)
//
// The key above is the file zone/example.com.kv, which begins with a line of its
// revision, length and checksum, and goes on with the value as it is.
//
// # Writing
//
// A value is written to a temporary file, flushed, renamed into place, and the folder
// flushed: whenever the process or the machine stops, the key has its old value or its
// new one. Writers take turns by flock on files in the folder .store, which
// also has the temporary files; what a killed process left of them goes when the store
// is opened next. Files have mode 0600 and folders 0700 from their creation.
//
// # Revisions
//
// A key's revision is in its file and grows by one with each change. Before a key is
// deleted, its revision is put on record in .store/floor, and no key begins at or below
// that. So a file .store/floor that is deleted by hand makes revisions
// begin anew.
//
// # Names
//
// Slashes in a key are folders. Lower-case letters, digits and a few signs stand for
// themselves, all else is %xx: there is no way out of the folder, keys that differ in
// case differ on any filesystem, and a part of a key that is too long for a file name
// is cut. Files that no key has are ignored.
//
// # Locks
//
// A lock is a flock on a file in .store/locks, so that a process that dies lets go of
// its locks at once. One is lost only if someone removes that file.
//
// The folder must be on a local filesystem: flock and rename over NFS do not promise
// enough. For several machines there is internal/etcdkv.
package filekv
