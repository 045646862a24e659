package telnet_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

func ExampleConfig() {
	here, server := net.Pipe()
	go func() {
		defer func() { _ = server.Close() }()
		_, _ = server.Read(make([]byte, 64))                                       // what the client asks for
		_, _ = server.Write([]byte("\xff\xfb\x00\xff\xfd\x00login: \xff\xff\r\n")) // WILL BINARY, DO BINARY
		_, _ = io.Copy(io.Discard, server)
	}()
	c := telnet.Config{
		Address: "ts1.example:7001",
		Dial:    func(context.Context) (net.Conn, error) { return here, nil },
	}
	port, err := c.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = port.Close() }()
	buf := make([]byte, 80)
	n, _ := port.Read(buf)
	fmt.Printf("%s says %q\n", c, buf[:n])
	// Output: telnet ts1.example:7001 says "login: \xff\r\n"
}

// A line is served to whoever connects from this machine.
func ExampleServer() {
	near, far := net.Pipe()
	s := &telnet.Server{Open: func(context.Context, net.Addr) (io.ReadWriteCloser, error) { return far, nil }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()

	port, err := telnet.Config{Address: l.Addr().String(), Serial: &telnet.Serial{Baud: 9600}}.Open(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = port.Write([]byte("reboot\r"))
	buf := make([]byte, 80)
	n, _ := near.Read(buf)
	fmt.Printf("the line got %q\n", buf[:n])
	cancel()
	fmt.Println(<-served)
	// Output:
	// the line got "reboot\r"
	// context canceled
}
