package racktest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
)

// A machine that answers when it is asked for the second time.
func ExampleUntil() {
	asked := 0
	err := racktest.Until(context.Background(), time.Minute, func(context.Context) error {
		if asked++; asked < 2 {
			return errors.New("it is still booting")
		}
		return nil
	})
	fmt.Println(asked, err)
	// Output: 2 <nil>
}
