package access_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// A customer touches what is theirs; what is another's is as unknown as what is not there.
func Example() {
	ctx := context.Background()
	log, _ := audit.Open(audit.Options{}) // in memory
	house := access.Guarded{House: accesstest.New(), Viewer: model.Viewer{Name: "alice"}, Audit: log}
	fmt.Println(house.Power(ctx, "pi-01", model.Cycle, "it hangs", ""))
	fmt.Println(house.Power(ctx, "pi-02", model.Cycle, "it hangs", ""))
	fmt.Println(house.Power(ctx, "pi-99", model.Cycle, "it hangs", ""))
	// Output:
	// <nil>
	// pi "pi-02": no such thing
	// pi "pi-99": no such thing
}
