package nfsroot_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// A web server's root as Debian was on a day, so that it can be built again.
func Example() {
	spec := nfsroot.Minimal("bookworm", nfsroot.ARM64)
	spec.Packages = append(spec.Packages, "nginx-light")
	spec.Snapshot = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := spec.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(spec.SourcesList(""))

	spec.Packages = append(spec.Packages, "-o Dir::Etc=x")
	fmt.Println(spec.Validate())
	// Output:
	// deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] http://snapshot.debian.org/archive/debian/20261101T000000Z bookworm main
	// deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] http://snapshot.debian.org/archive/debian/20261101T000000Z bookworm-updates main
	// deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] http://snapshot.debian.org/archive/debian-security/20261101T000000Z bookworm-security main
	// nfsroot: spec: package "-o Dir::Etc=x" is malformed
}
