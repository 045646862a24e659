package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

// signer is a user's key, the same each time.
func signer(name string) ssh.Signer {
	seed := sha256.Sum256([]byte(name))
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic(err)
	}
	return s
}

func publicKey(name string) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer(name).PublicKey())))
}

func (r *rig) dialSSH(user, key string) (*ssh.Client, error) {
	text, err := os.ReadFile(r.path("host_key"))
	require.NoError(r.t, err)
	host, err := ssh.ParsePrivateKey(text)
	require.NoError(r.t, err)
	return ssh.Dial("tcp", r.ssh, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer(key))},
		HostKeyCallback: ssh.FixedHostKey(host.PublicKey()), Timeout: patience,
	})
}

func (r *rig) run(user, key, command string) string {
	r.t.Helper()
	c, err := r.dialSSH(user, key)
	require.NoError(r.t, err)
	defer c.Close()
	s, err := c.NewSession()
	require.NoError(r.t, err)
	out, err := s.CombinedOutput(command)
	require.NoError(r.t, err, "%s: %s", command, out)
	return string(out)
}

func TestSSH(t *testing.T) {
	r := newRig(t, "pi-1", "pi-2", "db-1")
	r.extra = "[power]\ncommand = [\"echo\", \"{action}\", \"{machine}\", \"for\", \"{who}\"]\n"
	r.start()
	r.say("pi-1", "first line\r\nsecond line\r\nlogin: ")
	r.until("alice", "/v1/consoles/pi-1/log", "login:")

	list := r.run("alice", "alice", "list")
	require.Regexp(t, `pi-1 +up +\d{4}-`, list)
	require.Regexp(t, `pi-2 +up +never`, list)
	require.NotContains(t, list, "db-1")
	require.Regexp(t, `^\S+Z first line\n\S+Z second line\n\S+Z login: \n$`, r.run("pi-1", "alice", "log"))
	require.Regexp(t, `^\S+Z second line\n\S+Z login: \n$`, r.run("pi-1", "alice", "log -n 2"))
	require.Regexp(t, `^\S+Z second line\n\S+Z login: \n$`, r.run("pi-1", "alice", "log --since 1h -n 2"))
	require.Regexp(t, `^\S+Z second line\n$`, r.run("pi-1", "alice", "grep second"))
	require.Equal(t, "cycle pi-1 for alice\n", r.run("alice+pi-1", "alice", "power cycle"))
	for user, key := range map[string]string{"db-1": "alice", "pi-1": "bob", "pi-2": "guest", "pi-9": "root", "root": "alice"} {
		_, err := r.dialSSH(user, key)
		require.ErrorContains(t, err, "unable to authenticate", "%s as %s", key, user)
	}

	c, err := r.dialSSH("pi-1", "alice")
	require.NoError(t, err)
	defer c.Close()
	s, err := c.NewSession()
	require.NoError(t, err)
	require.NoError(t, s.RequestPty("xterm", 24, 80, nil))
	in, err := s.StdinPipe()
	require.NoError(t, err)
	out, err := s.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.Shell())
	_, err = io.WriteString(in, "root\r")
	require.NoError(t, err)
	r.typed("pi-1", "root\r")
	r.say("pi-1", "# ")
	var seen []byte
	for buf := make([]byte, 1024); !strings.Contains(string(seen), "# "); {
		n, err := out.Read(buf)
		require.NoError(t, err)
		seen = append(seen, buf[:n]...)
	}
	require.Contains(t, string(seen), "first line", "the screen comes first")
	_, err = io.WriteString(in, "\x05c.") // conserver's: detach
	require.NoError(t, err)
	require.NoError(t, s.Wait())
}

func TestOffer(t *testing.T) {
	r := newRig(t, "pi-1")
	line := freeAddress(t)
	r.offer = map[string]string{"pi-1": line}
	r.start()
	port, err := telnet.Config{Address: line, Serial: &telnet.Serial{Baud: 115200}}.Open(t.Context())
	require.NoError(t, err)
	defer port.Close()
	_, err = io.WriteString(port, "root\r")
	require.NoError(t, err)
	r.typed("pi-1", "root\r")
	r.say("pi-1", "# ")
	require.NoError(t, port.SetReadDeadline(time.Now().Add(patience)))
	var seen []byte
	for buf := make([]byte, 64); !strings.Contains(string(seen), "# "); {
		n, err := port.Read(buf)
		require.NoError(t, err)
		seen = append(seen, buf[:n]...)
	}
	r.until("root", "/v1/consoles/pi-1", "read-write")
}
