package sol_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/serialcon/sol"
)

func ExampleConfig() {
	c := sol.Config{Host: "bmc-db-1.example", User: "console", Password: "hunter2"}
	fmt.Println(c, c.Password)
	// Output: sol bmc-db-1.example:623 (secret)
}
