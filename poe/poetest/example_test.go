package poetest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
)

// A switch takes orders and does nothing.
func ExampleSwitch_SetFaults() {
	sw := poetest.New(8)
	sw.SetFaults(poetest.SwitchFaults{Ignore: true})
	c := &poe.Controller{Switch: sw, Policy: poe.Policy{Settle: time.Millisecond}}

	_, err := c.Off(context.Background(), "3", poe.Reason{Who: "test"})
	fmt.Println(err)
	// Output: poe: off port "3": switch it off: port "3": the switch did not do as it was told
}
