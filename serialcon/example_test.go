package serialcon_test

import (
	"context"
	"fmt"
	"io"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	uart, log := new(serialcontest.UART), new(serialcontest.Log) // a tty.Config, a conlog.Log
	c := &serialcon.Console{Name: "pi-042", Port: uart, Log: log}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()

	s, err := c.Attach(ctx, serialcon.AttachOptions{
		Mode: serialcon.ReadWrite, Who: "alice", NoMarks: true, Escape: serialcon.DefaultEscape(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = uart.WaitOpen(ctx)
	uart.Say([]byte("login: "))
	prompt := make([]byte, len("login: "))
	_, err = io.ReadFull(s, prompt)
	fmt.Printf("%q %v\n", prompt, err)
	_, err = s.Write([]byte("root\r"))
	fmt.Printf("%q %v\n", uart.Typed(), err)

	cancel()
	fmt.Println(<-ended)
	fmt.Printf("%q\n", log.Bytes())
	// Output:
	// "login: " <nil>
	// "root\r" <nil>
	// <nil>
	// "login: "
}

func ExampleEngine() {
	engine := new(serialcon.Engine) // one for all consoles
	for i := range 3 {
		c := &serialcon.Console{Name: fmt.Sprintf("pi-%03d", i), Port: new(serialcontest.UART), Engine: engine}
		fmt.Println(c.Name, c.Stats().Open)
	}
	// Output:
	// pi-000 false
	// pi-001 false
	// pi-002 false
}
