package httphead_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

func ExampleRequestParser() {
	var p httphead.RequestParser
	fmt.Println(p.Limits.Head)
	// Output: 0
}
