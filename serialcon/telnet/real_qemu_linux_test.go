package telnet_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// echoGuest is a boot sector that says "##", and then says each byte of COM1
// again, and "B" for a BREAK.
func echoGuest() []byte {
	code := []byte{
		0xfa,             // cli: the firmware would read COM1 too
		0xba, 0xf8, 0x03, // mov dx, 0x3f8
		0xb0, '#', // mov al, '#'
		0xee, 0xee, // out dx, al; twice
		0xba, 0xfd, 0x03, // again: mov dx, 0x3fd
		0xec,       // in al, dx: the line status
		0xa8, 0x01, // test al, 1
		0x74, 0xf8, // jz again
		0x88, 0xc4, // mov ah, al
		0xba, 0xf8, 0x03, // mov dx, 0x3f8
		0xec,             // in al, dx
		0xf6, 0xc4, 0x10, // test ah, 0x10: a BREAK came
		0x74, 0x02, // jz say
		0xb0, 'B', // mov al, 'B'
		0xee,       // say: out dx, al
		0xeb, 0xe8, // jmp again
	}
	sector := make([]byte, 512)
	copy(sector, code)
	sector[510], sector[511] = 0x55, 0xaa
	return sector
}

// qemu runs the guest with its serial port on a socket.
func qemu(t *testing.T, chardev string) {
	t.Helper()
	bin := peer.Look(t, "qemu-system-x86_64")
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.WriteFile(disk, echoGuest(), 0o600))
	peer.Start(t, exec.Command(bin, "-accel", "tcg", "-m", "16", "-machine", "pc,graphics=off", "-display", "none", "-nodefaults",
		"-no-reboot", "-drive", "file="+disk+",format=raw,if=ide", "-chardev", "socket,id=c,server=on,wait=on,"+chardev, "-serial", "chardev:c"), peer.Options{})
}

// until reads until the line said something.
func until(t *testing.T, port serialcon.Port, want string) string {
	t.Helper()
	require.NoError(t, port.SetReadDeadline(time.Now().Add(time.Minute)))
	var said []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(said, []byte(want)) {
		n, err := port.Read(buf)
		said = append(said, buf[:n]...)
		require.NoError(t, err, "waiting for %q after %q", want, said)
	}
	return string(said)
}

// retried dials until QEMU listens.
func retried(ctx context.Context, o serialcon.Opener) (port serialcon.Port, err error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		port, err = o.Open(ctx)
		if err == nil || !strings.Contains(err.Error(), "connect to") {
			return port, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

func TestRealQEMUConsoles(t *testing.T) {
	peer.Look(t, "qemu-system-x86_64")
	path := filepath.Join(t.TempDir(), "s")
	address := freeAddress(t)
	host, number, err := net.SplitHostPort(address)
	require.NoError(t, err)
	for _, tt := range []struct {
		name, chardev string
		port          serialcon.Opener
	}{
		{"telnet over TCP", "telnet=on,host=" + host + ",port=" + number, telnet.Config{Address: address}},
		{"telnet over a Unix socket", "telnet=on,path=" + path + "t", telnet.Config{Address: "vm", Dial: dial.Unix{Path: path + "t"}.Dial}},
		{"a raw Unix socket", "path=" + path, dial.Unix{Path: path}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			qemu(t, tt.chardev)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			port, err := retried(ctx, tt.port)
			require.NoError(t, err)
			defer func() { _ = port.Close() }()
			require.Contains(t, until(t, port, "##"), "SeaBIOS")
			echo(t, port)
			if b, ok := port.(serialcon.Breaker); ok {
				require.NoError(t, b.Break(ctx, time.Second))
				require.Equal(t, "B", until(t, port, "B"), "the guest's UART saw a BREAK")
			}
		})
	}
}

// echo says every byte but 0xff, which QEMU does not double on its way out.
func echo(t *testing.T, port serialcon.Port) {
	t.Helper()
	for b := range 255 {
		_, err := port.Write([]byte{byte(b)})
		require.NoError(t, err)
		require.Equal(t, string([]byte{byte(b)}), until(t, port, string([]byte{byte(b)})))
	}
}
