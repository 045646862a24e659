package nfsroottest_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

func ExampleProbe() {
	for _, r := range nfsroottest.Probe(context.Background(), "/mnt") {
		if r.Failed() {
			fmt.Println(r)
		}
	}
}
