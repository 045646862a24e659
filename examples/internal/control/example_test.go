package control_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	socket := filepath.Join(dir, "control")
	l, err := control.Listen(ctx, socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	var m control.Mux
	m.Handle("POST /say/{word}", func(w http.ResponseWriter, r *http.Request) error {
		return control.Answer(w, r.PathValue("word"), nil)
	})
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, l, &m) }()

	c := control.Client{Socket: socket, Timeout: time.Minute}
	said, err := c.Call(ctx, http.MethodPost, "/say/hello", nil)
	fmt.Printf("%s%v\n", said, err)
	cancel()
	fmt.Println(<-ended)
	// Output:
	// "hello"
	// <nil>
	// <nil>
}
