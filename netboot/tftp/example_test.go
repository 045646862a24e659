package tftp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing/fstest"
	"time"

	pintftp "github.com/pin/tftp/v3"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// A Pi that is known by its address reads its own config.txt.
func Example() {
	inventory, err := netboot.NewStatic(netboot.Reservation{
		Interface: "lo",
		Machine: netboot.Machine{
			Name:  "pi17",
			Addr:  netip.MustParsePrefix("127.0.0.1/8"),
			Files: fstest.MapFS{"config.txt": {Data: []byte("arm_64bit=1\n")}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan netboot.Event, 1)
	server := &tftp.Server{
		Handler:   tftp.FSHandler(inventory),
		Interface: "lo", // for systems whose sockets do not tell
		Observer: netboot.ObserverFunc(func(e netboot.Event) {
			if e.Kind == netboot.FileServed {
				served <- e
			}
		}),
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, conn) }()

	client, err := pintftp.NewClient(conn.LocalAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	client.SetTimeout(time.Second)
	file, err := client.Receive("5564247d/config.txt", "octet")
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := file.WriteTo(io.Discard)
	fmt.Println(n, err)
	e := <-served
	fmt.Println(e.Machine, e.Kind, e.File)
	stop()
	fmt.Println(<-done)
	// Output:
	// 12 <nil>
	// pi17 file served 5564247d/config.txt
	// <nil>
}
