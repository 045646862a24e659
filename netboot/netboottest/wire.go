package netboottest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// droppingLink loses every 40th block on its way in and every 40th
// acknowledgement on its way out, and nothing else: a request that a Pi never
// repeats is not a server's fault.
type droppingLink struct {
	Link
	sent, received int
}

const dropEvery = 40

func (l *droppingLink) Send(frame []byte) error {
	if isTFTP(frame, opAck) {
		if l.sent++; l.sent%dropEvery == 0 {
			return nil
		}
	}
	return l.Link.Send(frame)
}

func (l *droppingLink) Recv() ([]byte, error) {
	for {
		frame, err := l.Link.Recv()
		if err != nil || !isTFTP(frame, opData) {
			return frame, err
		}
		if l.received++; l.received%dropEvery != 0 {
			return frame, nil
		}
	}
}

func isTFTP(frame []byte, op uint16) bool {
	d, err := parseDatagram(frame)
	return err == nil && d.src.Port() != dhcpServerPort && d.dst.Port() != dhcpServerPort &&
		len(d.payload) >= 4 && binary.BigEndian.Uint16(d.payload) == op
}

// onWire brings a Pi 4 to the point where it would ask for its first file, and
// calls fn there instead.
func onWire(ctx context.Context, link Link, fn func(m *machine) error) error {
	stop := context.AfterFunc(ctx, func() { _ = link.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	p, err := Pi{Link: link, Model: rpi.Model4}.withDefaults()
	if err != nil {
		return err
	}
	m := &machine{Pi: p, boot: &Boot{}, net: newStack(ctx, link, toHW(p.MAC)), began: time.Now(), port: 50000}
	m.load = func() error { return fn(m) }
	return m.eeprom()
}

// settle is how long after the end of a transfer a late packet may come in.
const settle = 300 * time.Millisecond

func probeEnds(ctx context.Context, link Link, _ fs.FS) error {
	return onWire(ctx, link, func(m *machine) error {
		port := m.port
		f, _, err := m.fetch("kernel8.img", true)
		if err != nil {
			return err
		}
		if f.Outcome != Probed {
			return fmt.Errorf("the probe of kernel8.img: %s", f.Outcome)
		}
		ended := time.Now()
		for {
			d, err := m.net.next(ended.Add(4 * time.Second))
			if isTimeout(err) {
				return nil
			}
			if err != nil {
				return err
			}
			if d != nil && d.dst.Port() == port && time.Since(ended) > settle {
				return fmt.Errorf("the server still sends %s after the client's ERROR", time.Since(ended).Round(time.Millisecond))
			}
		}
	})
}

func repeatedRequest(ctx context.Context, link Link, _ fs.FS) error {
	return onWire(ctx, link, func(m *machine) error {
		request := append([]byte{0, opRRQ}, "kernel8.img\x00octet\x00"...)
		to := netip.AddrPortFrom(m.server.addr, tftpPort)
		for range 2 {
			if err := m.net.send(m.server.via, m.port, to, request, true); err != nil {
				return err
			}
		}
		ports := make(map[uint16]bool)
		until := time.Now().Add(time.Second)
		for {
			d, err := m.net.next(until)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return err
			}
			if d != nil && d.dst.Port() == m.port {
				ports[d.src.Port()] = true
			}
		}
		for port := range ports { // leave no transfer behind
			end := []byte{0, opError, 0, codeUndefined, 0}
			if err := m.net.send(m.server.via, m.port, netip.AddrPortFrom(m.server.addr, port), end, true); err != nil {
				return err
			}
		}
		switch len(ports) {
		case 0:
			return errors.New("the request was not answered")
		case 1:
			return nil
		}
		return fmt.Errorf("%d transfers answer one client's request", len(ports))
	})
}
