package main

import (
	"context"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

// packets is a UDP socket that is bound to an interface. Until the interface has
// an address, it sends from 0.0.0.0, and what is sent to everybody comes in.
type packets struct{ conn *net.UDPConn }

var everybody = &net.UDPAddr{IP: net.IPv4bcast, Port: 67}

func (n *network) Listen(l boot.Link) (boot.Packets, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.BindToDevice(int(fd), l.Name)
			if failed == nil {
				failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
			}
		})
		if err != nil {
			return err
		}
		return failed
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", ":68")
	if err != nil {
		return nil, err
	}
	return packets{conn.(*net.UDPConn)}, nil
}

func (p packets) Send(b []byte) error {
	_, err := p.conn.WriteToUDP(b, everybody)
	return err
}

func (p packets) Receive(deadline time.Time) ([]byte, error) {
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	b := make([]byte, 1500)
	n, err := p.conn.Read(b)
	return b[:n], err
}

func (p packets) Close() error { return p.conn.Close() }
