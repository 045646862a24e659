package nfsclient_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
)

func ExampleConn_Mount() {
	ctx := context.Background()
	c, err := nfsclient.Dial(ctx, "10.77.0.1:2049", nfsclient.Options{Reserved: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	root, err := c.Mount(ctx, "/srv/pi1/root")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.GetAttr(ctx, root))
}
