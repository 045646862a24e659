package sol_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/sol"
)

// host is the machine whose serial line the BMC has: the simulator connects.
type host struct{ conn func() net.Conn }

func (h host) Read(p []byte) (int, error)  { return h.conn().Read(p) }
func (h host) Write(p []byte) (int, error) { return h.conn().Write(p) }
func (h host) Close() error                { return h.conn().Close() }

// simulator runs ipmi_sim in front of a host.
func simulator(t *testing.T) (sol.Config, host) {
	t.Helper()
	c, h, _ := simulatorOf(t)
	return c, h
}

func simulatorOf(t *testing.T) (sol.Config, host, *peer.Process) {
	t.Helper()
	bin := peer.Look(t, "ipmi_sim")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	got := make(chan net.Conn, 1)
	go func() {
		defer close(got)
		if c, err := l.Accept(); err == nil {
			got <- c
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	port := udp.LocalAddr().(*net.UDPAddr).Port
	require.NoError(t, udp.Close())

	dir := t.TempDir()
	lan := fmt.Sprintf(`name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 %d
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  sol "tcp:%s" 115200 history=0
  user 2 true "ipmiusr" "test" admin 10 none md2 md5 straight
`, port, l.Addr())
	emu := `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	bmc := peer.Start(t, exec.Command(bin, "-n", "-c", write("lan.conf", lan), "-f", write("sim.emu", emu), "-s", filepath.Join(dir, "state")), peer.Options{})
	c := sol.Config{Host: "127.0.0.1", Port: port, User: "ipmiusr", Password: "test", CipherSuite: 3, Timeout: time.Second}
	return c, host{conn: sync.OnceValue(func() net.Conn { return <-got })}, bmc
}

func open(t *testing.T, c sol.Config) serialcon.Port {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		p, err := c.Open(ctx)
		if err == nil {
			t.Cleanup(func() { _ = p.Close() })
			return p
		}
		require.NoError(t, ctx.Err(), "last: %v", err)
	}
}

func TestRealConsoleOfASimulatedBMC(t *testing.T) {
	c, machine := simulator(t)
	p := open(t, c)
	boot := serialcontest.Host{Name: "boot"}
	for n := range int64(20) {
		_, err := machine.Write(boot.Line(n))
		require.NoError(t, err)
	}
	v := serialcontest.Verifier{Name: "boot"}
	require.NoError(t, p.SetReadDeadline(time.Now().Add(time.Minute)))
	buf := make([]byte, 4096)
	for v.Next() < 20 {
		n, err := p.Read(buf)
		require.NoError(t, err, "%s", &v)
		_, _ = v.Write(buf[:n])
	}
	require.Equal(t, "20 lines, 0 missing, 0 repeated, 0 damaged, 0 foreign", v.String())

	_, err := p.Write([]byte("root\r"))
	require.NoError(t, err)
	typed := make([]byte, 5)
	_, err = io.ReadFull(machine, typed)
	require.NoError(t, err)
	require.Equal(t, "root\r", string(typed))

	woken := make(chan error, 1)
	_ = p.SetReadDeadline(time.Time{})
	go func() {
		_, err := p.Read(buf)
		woken <- err
	}()
	require.NoError(t, p.Close())
	require.Error(t, <-woken)
	require.NoError(t, p.Close())
	again := open(t, c)
	require.NoError(t, again.Close(), "the console was given back")
}

func TestRealWrongPassword(t *testing.T) {
	c, _ := simulator(t)
	require.NoError(t, open(t, c).Close())
	c.Password = "mistyped"
	_, err := c.Open(t.Context())
	require.ErrorContains(t, err, `log in as "ipmiusr"`)
	require.NotContains(t, err.Error(), "mistyped")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c), "mistyped")
	require.True(t, strings.HasPrefix(c.String(), "sol 127.0.0.1:"))
}

// A BMC that vanishes ends the port: by an error that is no timeout of ours.
func TestRealBMCThatVanishes(t *testing.T) {
	c, machine, bmc := simulatorOf(t)
	p := open(t, c)
	_, err := machine.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(p, make([]byte, 1))
	require.NoError(t, err)
	bmc.Stop()
	require.NoError(t, p.SetReadDeadline(time.Now().Add(2*time.Minute)))
	_, err = p.Read(make([]byte, 1))
	require.ErrorContains(t, err, "sol: the stream ended")
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "%v", err)
	require.NoError(t, p.Close())
}
