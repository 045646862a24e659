package export_test

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

func ExampleWriteExports() {
	roots := []export.Export{{
		Path: "/srv/farm/serve/pi17", FSID: export.FSID("pi17"),
		Client: netip.MustParsePrefix("10.80.0.66/32"),
	}}
	if err := export.WriteExports(os.Stdout, roots); err != nil {
		fmt.Println(err)
	}
	// Output: /srv/farm/serve/pi17 10.80.0.66(rw,sync,secure,no_subtree_check,no_root_squash,sec=sys,fsid=00000000-0000-0000-18db-4f80e413109c)
}

// Root's rights for a whole network are refused.
func ExampleWriteGanesha() {
	err := export.WriteGanesha(os.Stdout, export.Ganesha{}, []export.Export{{
		ID: 1, Path: "/srv/farm/serve/pi17", FSID: export.FSID("pi17"),
		Client: netip.MustParsePrefix("10.80.0.0/24"),
	}})
	fmt.Println(err)
	// Output: export: ganesha.conf: Client 10.80.0.0/24 of "/srv/farm/serve/pi17" is more than one address, each of which would be root there
}
