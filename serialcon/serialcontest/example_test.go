package serialcontest_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func ExampleVerifier() {
	host := &serialcontest.Host{Name: "pi-042"}
	v := &serialcontest.Verifier{Name: "pi-042"}
	for n := range int64(5) {
		if n != 2 {
			_, _ = v.Write(host.Line(n))
		}
	}
	_, _ = v.Write([]byte("[serialcon: a mark]\r\n"))
	fmt.Println(v)
	// Output:
	// 4 lines, 1 missing, 0 repeated, 0 damaged, 1 foreign
}
