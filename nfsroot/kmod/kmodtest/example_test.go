package kmodtest_test

import (
	"bytes"
	"fmt"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

// What is read of a module is what was put in.
func ExampleModule() {
	info, err := kmod.ReadInfo(bytes.NewReader(kmodtest.Module("name=nfsv4", "depends=nfs,sunrpc")))
	fmt.Println(info.Name, info.Depends, err)
	// Output: nfsv4 [nfs sunrpc] <nil>
}
