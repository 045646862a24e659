package accesstest_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

func Example() {
	house := accesstest.New()
	_ = house.Power(context.Background(), "pi-01", model.Cycle, "it hangs", "alice")
	fmt.Println(house.Calls())
	// Output: [Power pi-01 cycle it hangs by alice]
}
