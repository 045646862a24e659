package realtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/sol"
)

// bmcLAN is the configuration of ipmi_sim: its UDP port, and the serial line of
// the machine behind it.
const bmcLAN = `name "bmc"
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
`

const bmcEmulator = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`

// bmc runs ipmi_sim with a machine's serial line.
func bmc(t *testing.T, line string) sol.Config {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	port := udp.LocalAddr().(*net.UDPAddr).Port
	require.NoError(t, udp.Close())
	dir := t.TempDir()
	lan, emulator, state := filepath.Join(dir, "lan.conf"), filepath.Join(dir, "sim.emu"), filepath.Join(dir, "state")
	require.NoError(t, os.WriteFile(lan, fmt.Appendf(nil, bmcLAN, port, line), 0o600))
	require.NoError(t, os.WriteFile(emulator, []byte(bmcEmulator), 0o600))
	require.NoError(t, os.Mkdir(state, 0o700))
	peer.Start(t, exec.Command(peer.Look(t, "ipmi_sim"), "-n", "-c", lan, "-f", emulator, "-s", state), peer.Options{})
	return sol.Config{Host: "127.0.0.1", Port: port, User: "ipmiusr", Password: "test", CipherSuite: 3, Timeout: 5 * time.Second}
}

// A guest's console by IPMI: what it says from the time on at which the session
// begins is in the log.
func TestRealSOL(t *testing.T) {
	t.Parallel()
	peer.Need(t, "qemu-system-x86_64", "ipmi_sim")
	address, where := freePort(t)
	g := guest{kernel: cloudKernel(t), initrd: busyboxRoot(t, ""), chardev: "socket,server=on,wait=off," + where, more: []string{"-S"}}
	m := g.start(t, folder(t))
	m.monitor(t, "info status") // so that it listens
	k := keep(t, "vm-sol", bmc(t, address), nil)
	require.Eventually(t, func() bool { return k.console.Stats().Open }, patience, tick)
	m.monitor(t, "cont")
	shell(t, m, k)
	sameBytes(t, k.console.Name, k.logged(), m.log(t))
}
