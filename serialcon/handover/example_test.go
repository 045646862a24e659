package handover_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/serialcon/handover"
)

func ExampleInherited() {
	files, err := handover.Inherited()
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, file := range files {
		fmt.Println(name, "goes on")
		_ = file.Close()
	}
	// Output:
}
