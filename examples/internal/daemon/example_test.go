package daemon_test

import (
	"context"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

func ExampleMain() {
	type config struct {
		Listen string `toml:"listen"`
	}
	main := func() {
		daemon.Main(daemon.Program[config]{
			Name: "echod",
			Doc:  "echod answers what it is sent.",
			Run: func(ctx context.Context, d *daemon.Daemon[config]) error {
				ln, err := d.Listen(ctx, "echo", "tcp", d.Config().Listen)
				if err != nil {
					return err
				}
				context.AfterFunc(ctx, func() { ln.Close() })
				d.Ready()
				<-ctx.Done()
				return nil
			},
		})
	}
	_ = main // a real program's main
}
