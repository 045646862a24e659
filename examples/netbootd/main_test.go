package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"netbootd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"signal":  signalBackground,
			"await":   awaitSocket,
			"scrape":  scrape,
			"capture": writeCapture,
		},
	})
}

// signalBackground sends a signal to the background program that was started
// first: signal HUP.
func signalBackground(ts *testscript.TestScript, _ bool, args []string) {
	sig := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}[args[0]]
	ts.Check(ts.BackgroundCmds()[0].Process.Signal(sig))
}

// awaitSocket waits until somebody listens on a Unix socket: await PATH.
func awaitSocket(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(poll(func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", ts.MkAbs(args[0]))
		if err != nil {
			return err
		}
		return conn.Close()
	}))
}

// poll calls fn until it succeeds, for ten seconds.
func poll(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// writeCapture records a Pi 3B whose DISCOVERs nobody answers: capture FILE.
func writeCapture(ts *testscript.TestScript, _ bool, args []string) {
	var out bytes.Buffer
	put := func(v any) { ts.Check(binary.Write(&out, binary.LittleEndian, v)) }
	put([]uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, 1}) // pcap 2.4 of Ethernet frames
	frame := discoverFrame()
	for i := range uint32(5) {
		put([]uint32{1700000000 + 5*i, 0, uint32(len(frame)), uint32(len(frame))})
		out.Write(frame)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o600))
}

// discoverFrame is what a 3B's mask ROM broadcasts.
func discoverFrame() []byte {
	mac := []byte{0xb8, 0x27, 0xeb, 0x64, 0x24, 0x7d}
	m := make([]byte, 236)
	copy(m, []byte{1, 1, 6, 0, 0x26, 0xf3, 0x03, 0x39}) // Ethernet, the ROM's transaction ID
	copy(m[28:], mac)
	m = append(m, 99, 130, 83, 99, 53, 1, 1, 97, 17, 0)
	m = append(m, bytes.Repeat([]byte{0x44}, 16)...)
	m = append(m, 93, 2, 0, 0, 60, 9)
	m = append(append(m, "PXEClient"...), 255)

	udp := binary.BigEndian.AppendUint16(nil, 68)
	for _, v := range []int{67, 8 + len(m), 0} {
		udp = binary.BigEndian.AppendUint16(udp, uint16(v))
	}
	ip := []byte{0x45, 0}
	ip = binary.BigEndian.AppendUint16(ip, uint16(28+len(m)))
	ip = append(ip, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255)
	frame := append(bytes.Repeat([]byte{0xff}, 6), mac...)
	frame = append(frame, 8, 0)
	return append(append(append(frame, ip...), udp...), m...)
}
