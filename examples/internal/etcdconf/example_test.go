package etcdconf_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/internal/etcdconf"
)

func Example() {
	c := etcdconf.Config{Endpoints: []string{"etcd1.example"}, Certificate: "/etc/ours.crt"}
	fmt.Println(c.Check("etcd."))
	// Output:
	// etcd.endpoints[0]: is no URL such as https://etcd1.example:2379
	// etcd.certificate: and key are wanted together
}
