package dnssectest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// Listen serves each name server on a port of 127.0.0.1 by UDP and TCP until the
// test ends, and returns where.
func (p *Parent) Listen(t testing.TB) []netip.AddrPort {
	t.Helper()
	var addrs []netip.AddrPort
	for i := range p.options.Servers {
		addrs = append(addrs, ListenHandler(t, "127.0.0.1:0", func(network string, packet []byte) [][]byte { return p.packet(i, network, packet) }))
	}
	return addrs
}

// ListenHandler serves by UDP and TCP, on one port, until the test ends, and returns
// where. The address is as for net.Listen; of port 0 a free one is taken.
func ListenHandler(t testing.TB, address string, h Handler) netip.AddrPort {
	t.Helper()
	var ln net.Listener
	var pc net.PacketConn
	var err error
	for range 20 { // a port that is free by TCP may not be by UDP
		if ln, err = net.Listen("tcp", address); err != nil {
			break
		}
		if pc, err = net.ListenPacket("udp", ln.Addr().String()); err == nil {
			break
		}
		_ = ln.Close()
	}
	if err != nil {
		t.Fatalf("dnssectest: listen on %s: %v", address, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { datagrams(pc, h) })
	all.Go(func() { streams(ctx, ln, h) })
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
		_ = pc.Close()
		all.Wait()
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func datagrams(pc net.PacketConn, h Handler) {
	packet := make([]byte, 1<<16)
	for {
		n, from, err := pc.ReadFrom(packet)
		if err != nil {
			return
		}
		for _, answer := range h("udp", append([]byte(nil), packet[:n]...)) {
			_, _ = pc.WriteTo(answer, from)
		}
	}
}

func streams(ctx context.Context, ln net.Listener, h Handler) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer c.Close()
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			stream(c, h)
		})
	}
}

func stream(c net.Conn, h Handler) {
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, packet); err != nil {
			return
		}
		for _, answer := range h("tcp", packet) {
			if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
				return
			}
		}
	}
}
