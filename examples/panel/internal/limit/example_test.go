package limit_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
)

func Example() {
	b := limit.Buckets{Burst: 2, Every: time.Hour}
	for range 3 {
		fmt.Println(b.Take("192.0.2.7") > 0)
	}
	// Output:
	// false
	// false
	// true
}
