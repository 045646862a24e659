package nfsd_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

func ExampleServer() {
	ctx := context.Background()
	key, err := nfsd.LoadKey("/var/lib/hostkit/nfsd.key")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &nfsd.Server{
		Key: key,
		Exports: []export.Export{{
			ID: 1, Path: "/srv/farm/serve/pi1", FSID: export.FSID("pi1"),
			Client: netip.MustParsePrefix("10.77.0.11/32"),
		}},
	}
	l, err := net.Listen("tcp", "10.77.0.1:2049")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Serve(ctx, l); err != nil {
		fmt.Println(err)
	}
}
