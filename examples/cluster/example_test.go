package cluster_test

import (
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/examples/cluster"
)

func Example() {
	names, err := fs.Glob(cluster.Files, "etc/*")
	fmt.Println(names, err)
	// Output: [etc/acmed.toml etc/dnssecd.toml etc/netbootd.toml etc/sniproxyd.toml] <nil>
}
