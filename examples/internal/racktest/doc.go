// Package racktest is what tests of whole racks have in common: this
// repository's programs, built as they are installed, and the folder in which
// roots are kept from one run to the next.
//
//	dir := t.TempDir()
//	err := racktest.Build(t.Context(), peer.Look(t, "go"), dir, "netbootd", "nfsroot")
//	cmd := exec.Command(filepath.Join(dir, "nfsroot"), "-help")
package racktest
