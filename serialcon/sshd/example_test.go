package sshd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

func Example() {
	_, host := newKey(100) // read from a file, and the customer's from a database
	_, customer := newKey(1)
	console := &serialcon.Console{Name: "pi-042", Port: new(serialcontest.UART)}
	s := &sshd.Server{
		HostKeys: []ssh.Signer{host},
		Consoles: func(user string, key ssh.PublicKey) (sshd.Access, error) {
			if user != "pi-042" || !bytes.Equal(key.Marshal(), customer.PublicKey().Marshal()) {
				return sshd.Access{}, errors.New("not yours")
			}
			return sshd.Access{Who: "customer-17", Console: console, Mode: serialcon.ReadWrite}, nil
		},
		Power: func(_ context.Context, c sshd.Caller, action string, w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: power %s for %s\n", c.Console, action, c.Who)
			return err
		},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()

	c, err := ssh.Dial("tcp", l.Addr().String(), clientConfig("pi-042", 1)) // ssh pi-042@consoles power cycle
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := c.NewSession()
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := session.Output("power cycle")
	fmt.Printf("%s%v\n", out, err)
	_ = c.Close()
	fmt.Println(s.Shutdown(context.Background()), <-served)
	// Output:
	// pi-042: power cycle for customer-17
	// <nil>
	// <nil> sshd: the server was shut down
}
