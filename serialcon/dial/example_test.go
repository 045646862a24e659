package dial_test

import (
	"context"
	"fmt"
	"io"

	"github.com/mythic-beasts/hostkit/serialcon/dial"
)

func ExampleCommand() {
	port, err := dial.Command{Path: "echo", Args: []string{"login:"}}.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = port.Close() }()
	said, _ := io.ReadAll(port)
	fmt.Printf("%s", said)
	// Output: login:
}
