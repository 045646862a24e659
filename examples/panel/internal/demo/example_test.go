package demo_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
)

// A house larger than a shelf is refused.
func ExampleNew() {
	_, err := demo.New(demo.Options{Pis: 97})
	fmt.Println(err)
	// Output: demo: 97 Pis: it must be between 1 and 96
}
