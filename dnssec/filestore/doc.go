// Package filestore keeps the state of DNSSEC zones in files of a folder, for one
// machine. It is the store of dnssec/manager, unless several machines share the work:
// for these there is dnssec/etcdstore.
//
//	store, err := filestore.New("/var/lib/dnssecd/state")
//	if err != nil { … }
//	defer store.Close()
//	m := manager.Manager{Store: store, …}
//
// Several processes may use one folder at once: writers take turns, a lock is a lock
// between all of them, and each is told what the others change.
//
// A key is a file: "dnssec/zone/example.com" is dnssec/zone/example.com.kv, which
// begins with a line of its revision, length and checksum. Each write is atomic and
// durable: it goes to a temporary file, which is flushed, renamed into place, and its
// folder flushed. Files have mode 0600, folders 0700, at every instant. To make a
// backup, copy the folder; restore all of it, with the hidden folder .store.
//
// Use a local filesystem. Locks and renames over NFS do not promise enough.
package filestore
