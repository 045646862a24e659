package sshd_test

import (
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// openSSH returns OpenSSH's client for the lab, as whoever holds the key.
func openSSH(t *testing.T, l *lab, key byte, more ...string) *exec.Cmd {
	t.Helper()
	program := peer.Look(t, "ssh")
	dir := t.TempDir()
	private, _ := newKey(key)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	identity, known := filepath.Join(dir, "id"), filepath.Join(dir, "known_hosts")
	require.NoError(t, os.WriteFile(identity, pem.EncodeToMemory(block), 0o600))
	_, host := newKey(100)
	require.NoError(t, os.WriteFile(known, []byte(knownhosts.Line([]string{l.addr}, host.PublicKey())+"\n"), 0o600))
	_, port, err := net.SplitHostPort(l.addr)
	require.NoError(t, err)
	args := append([]string{
		"-F", "none", "-p", port, "-i", identity, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile=" + known, "-o", "StrictHostKeyChecking=yes", "-l", "pi-042",
	}, more...)
	return exec.CommandContext(t.Context(), program, args...)
}

// OpenSSH's client on a terminal: output, typing, ~B, window size, ~.
func TestRealOpenSSH(t *testing.T) {
	l := newLab(t, nil)
	cmd := openSSH(t, l, 1, "-tt", "127.0.0.1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	expect(t, out, "[serialcon ")
	l.uart.Say([]byte("pi-042 login: "))
	expect(t, out, "pi-042 login: ")
	_, err = io.WriteString(in, "root\r")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return string(l.uart.Typed()) == "root\r" }, 10*time.Second, time.Millisecond)
	_, err = io.WriteString(in, "~B")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(l.uart.Breaks()) == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, time.Second, l.uart.Breaks()[0], "OpenSSH asks for 1000 ms")
	require.Equal(t, "alice", l.audited(t, kind(sshd.AuditBreak)).Who)
	_, err = io.WriteString(in, "\x05c.")
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), stderr.String())
	require.Equal(t, "root\r", string(l.uart.Typed()), "the escape is not typed")
}

func TestRealOpenSSHCommands(t *testing.T) {
	l := newLab(t, withCommands)
	out, err := openSSH(t, l, 1, "127.0.0.1", "power", "cycle").Output()
	require.NoError(t, err)
	require.Equal(t, "pi-042 cycle\n", string(out))
	out, err = openSSH(t, l, 2, "127.0.0.1", "grep -E 'a|b'").Output()
	require.NoError(t, err)
	require.Equal(t, "pi-042 - - \"\" a|b 0\n", string(out))
	var exit *exec.ExitError
	_, err = openSSH(t, l, 2, "127.0.0.1", "power", "cycle").Output()
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(exit.Stderr), "may only watch")
}

// Wrong keys fail at once, and a source that has to wait is closed.
func TestRealOpenSSHWrongKey(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) { s.Failures, s.FailureEvery = 2, time.Hour })
	for range 4 {
		said, err := openSSH(t, l, 7, "127.0.0.1", "help").CombinedOutput()
		require.Error(t, err)
		require.Regexp(t, "Permission denied|Connection (closed|reset)", string(said))
	}
	l.audited(t, func(e sshd.Entry) bool { return e.Kind == sshd.AuditRefused && e.What == "connection" })
	said, err := openSSH(t, l, 1, "-b", "127.0.0.9", "127.0.0.1", "help").CombinedOutput()
	require.NoError(t, err, string(said))
}

// Forwarding of ports, agents and subsystems are refused to the real client.
func TestRealOpenSSHRefused(t *testing.T) {
	l := newLab(t, nil)
	_, err := openSSH(t, l, 1, "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", "127.0.0.1", "help").CombinedOutput()
	require.Error(t, err)
	_, err = openSSH(t, l, 1, "-s", "127.0.0.1", "sftp").CombinedOutput()
	require.Error(t, err)
	said, err := openSSH(t, l, 1, "-o", "SetEnv=A=B", "127.0.0.1", "help").CombinedOutput()
	require.NoError(t, err, "an environment is refused without a word")
	require.Contains(t, string(said), "commands:")
}
