package telnet_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// script does what its standard input says with pyserial's client of RFC 2217,
// and prints the value of each line.
const script = `
import sys, serial
s = serial.serial_for_url('rfc2217://' + sys.argv[1] + '?poll_modem&timeout=60', baudrate=57600, bytesize=7, parity='E', stopbits=2, timeout=60)
print('open', flush=True)
for line in sys.stdin:
    try:
        print(repr(eval(line)), flush=True)
    except ValueError as e:
        print('refused:', e, flush=True)
`

// python is the system's, which has Debian's python3-serial.
func python(t *testing.T) string {
	t.Helper()
	const path = "/usr/bin/python3"
	if out, err := exec.Command(path, "-c", "import serial.rfc2217").CombinedOutput(); err != nil {
		peer.Skip(t, "needs python3-serial: %v %s", err, out)
	}
	return path
}

type pyserial struct {
	in  io.Writer
	out *bufio.Reader
}

func startPyserial(t *testing.T, addr string) *pyserial {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), "-W", "ignore", "-c", script, addr)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	p := &pyserial{in, bufio.NewReader(out)}
	require.Equal(t, "open", p.answer(t))
	return p
}

func (p *pyserial) answer(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	require.NoError(t, err)
	return line[:len(line)-1]
}

// do evaluates an expression.
func (p *pyserial) do(t *testing.T, expression string) string {
	t.Helper()
	_, err := io.WriteString(p.in, expression+"\n")
	require.NoError(t, err)
	return p.answer(t)
}

// pyserial opens, sets and reads a line of our server's; it needs an answer to
// each of its commands, with the value that it asked for.
func TestRealPyserialIsServed(t *testing.T) {
	python(t)
	d := newDesk(t, func(s *telnet.Server) { s.Poll = 50 * time.Millisecond })
	p := startPyserial(t, d.addr)
	require.Equal(t, telnet.Serial{Baud: 57600, DataBits: 7, Parity: telnet.ParityEven, StopBits: telnet.StopTwo, Flow: telnet.FlowNone}, d.settings.is())
	require.Equal(t, serialcon.Lines{DTR: true, RTS: true}, d.uart.Lines())

	d.uart.Say(allBytes())
	require.Equal(t, "True", p.do(t, "s.read(256) == bytes(range(256))"))
	require.Equal(t, "256", p.do(t, "s.write(bytes(range(256)))"))
	eventually(t, func() bool { return string(d.uart.Typed()) == string(allBytes()) })

	for _, do := range []string{"setattr(s, 'baudrate', 0x00ff00ff)", "setattr(s, 'bytesize', 8)", "setattr(s, 'parity', 'S')", "setattr(s, 'stopbits', 1)", "setattr(s, 'rtscts', True)"} {
		require.Equal(t, "None", p.do(t, do))
	}
	require.Equal(t, telnet.Serial{Baud: 0xff00ff, DataBits: 8, Parity: telnet.ParitySpace, StopBits: telnet.StopOne, Flow: telnet.FlowHardware}, d.settings.is())
	require.Contains(t, p.do(t, "setattr(s, 'baudrate', 31250)"), "refused: remote rejected value for option 'baudrate'")
	require.EqualValues(t, 0xff00ff, d.settings.is().Baud)

	require.Equal(t, "None", p.do(t, "setattr(s, 'dtr', False)"))
	require.Equal(t, serialcon.Lines{RTS: true}, d.uart.Lines())
	require.Equal(t, "None", p.do(t, "setattr(s, 'rts', False)"))
	require.Equal(t, serialcon.Lines{}, d.uart.Lines())

	d.uart.SetInputs(serialcon.Lines{CTS: true, CD: true})
	eventually(t, func() bool { return p.do(t, "(s.cts, s.dsr, s.ri, s.cd)") == "(True, False, False, True)" })
	d.uart.SetInputs(serialcon.Lines{DSR: true, RI: true})
	eventually(t, func() bool { return p.do(t, "(s.cts, s.dsr, s.ri, s.cd)") == "(False, True, True, False)" })

	require.Equal(t, "None", p.do(t, "s.send_break(0.05)"))
	require.Equal(t, "None", p.do(t, "s.reset_input_buffer()"))
	require.Equal(t, "None", p.do(t, "s.reset_output_buffer()"))
	d.settings.mu.Lock()
	require.Equal(t, []string{"said", "written", "said", "written"}, d.settings.purges, "once at open")
	d.settings.mu.Unlock()
	require.Equal(t, "None", p.do(t, "s.close()"))
}

func allBytes() []byte {
	p := make([]byte, 256)
	for i := range p {
		p[i] = byte(i)
	}
	return p
}

// relay is ser2net between our client and our server: its front speaks RFC 2217
// as a server, its back as a client.
func relay(t *testing.T, c telnet.Config, behind string) telnet.Config {
	t.Helper()
	bin := peer.Look(t, "ser2net")
	c.Address = freeAddress(t)
	_, front, err := net.SplitHostPort(c.Address)
	require.NoError(t, err)
	_, back, err := net.SplitHostPort(behind)
	require.NoError(t, err)
	conf := filepath.Join(t.TempDir(), "ser2net.yaml")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil,
		"connection: &c1\n  accepter: telnet(rfc2217),tcp,127.0.0.1,%s\n  connector: telnet(rfc2217),tcp,127.0.0.1,%s\n", front, back), 0o600))
	peer.Start(t, exec.Command(bin, "-n", "-c", conf), peer.Options{})
	return c
}

// What our client asks ser2net for, its own client asks our server for.
func TestRealSer2netIsServed(t *testing.T) {
	peer.Look(t, "ser2net")
	d := newDesk(t, nil)
	c := relay(t, telnet.Config{Timeout: 20 * time.Second, Serial: &telnet.Serial{
		Baud: 57600, DataBits: 7, Parity: telnet.ParityEven, StopBits: telnet.StopTwo, Flow: telnet.FlowHardware,
	}}, d.addr)
	port, err := patient{c}.Open(t.Context())
	require.NoError(t, err)
	defer func() { _ = port.Close() }()
	var notes []string
	port.(serialcon.Notifier).Notify(func(e serialcon.Event) { notes = append(notes, e.Text) })
	eventually(t, func() bool {
		return d.settings.is() == telnet.Serial{Baud: 57600, DataBits: 7, Parity: telnet.ParityEven, StopBits: telnet.StopTwo, Flow: telnet.FlowHardware}
	})
	require.Empty(t, notes)

	_, err = port.Write(allBytes())
	require.NoError(t, err)
	eventually(t, func() bool { return string(d.uart.Typed()) == string(allBytes()) })
	d.uart.Say(allBytes())
	require.NoError(t, port.SetReadDeadline(time.Now().Add(time.Minute)))
	got := make([]byte, 256)
	_, err = io.ReadFull(port, got)
	require.NoError(t, err)
	require.Equal(t, allBytes(), got)

	require.NoError(t, port.(serialcon.ModemLines).SetLines(false, true))
	eventually(t, func() bool { return d.uart.Lines() == serialcon.Lines{RTS: true} })
	require.NoError(t, port.(serialcon.Breaker).Break(t.Context(), time.Second))
	eventually(t, func() bool { return len(d.uart.Breaks()) == 1 })
}
