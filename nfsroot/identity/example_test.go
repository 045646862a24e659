package identity_test

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot/identity"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// A clone becomes the root of pi1, with a public address on VLAN 131.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	clone := filepath.Join(dir, "pi1")
	if err := nfsroottest.WriteTree(clone); err != nil {
		log.Fatal(err)
	}

	keys, err := identity.KeyStore{Dir: filepath.Join(dir, "keys")}.Get("pi1")
	if err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot(clone)
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	err = identity.Personalize(root, identity.Identity{
		Name:     "pi1.example.com",
		HostKeys: keys,
		Public: &identity.Public{
			VLAN:    131,
			Addrs:   []netip.Prefix{netip.MustParsePrefix("2001:db8:1::5/64")},
			Gateway: netip.MustParseAddr("fe80::1"),
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	hosts, _ := root.ReadFile("etc/hosts")
	fmt.Printf("%.49s\n", hosts)
	record, _ := keys.SSHFP("pi1.example.com.")
	fmt.Printf("%.29s\n", record)
	// Output:
	// 127.0.0.1 localhost
	// 127.0.1.1 pi1.example.com pi1
	// pi1.example.com. IN SSHFP 4 2
}
