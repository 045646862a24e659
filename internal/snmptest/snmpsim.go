package snmptest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Catalyst3750 is the name of a recording that Debian's snmpsim has of a real
// Cisco Catalyst 3750-48P, for [DebianRecording].
const Catalyst3750 = "cisco_16_switch"

// SnmpsimConfig says what snmpsim is to replay.
type SnmpsimConfig struct {
	// Recordings are by community, which is the context's name in v3. The whole
	// Catalyst takes a quarter of a minute to load; see [Select].
	Recordings map[string][]byte
	// Writable are objects that take writes; those of the recordings that are
	// these or below.
	Writable []snmpx.OID
	User     *SnmpdUser // of v3, with the protocols as "SHA256" and "AES"; nil is none
}

// StartSnmpsim runs snmpsim on 127.0.0.1 until the test ends and returns its
// address. Without it the test is skipped, or fails where everything has to be
// there.
func StartSnmpsim(tb testing.TB, c SnmpsimConfig) (addr string) {
	tb.Helper()
	snmpsimd := peer.Look(tb, "snmpsimd")
	dir := tb.TempDir()
	for _, sub := range []string{"data", "cache"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	community := ""
	for name, recording := range c.Recordings {
		community = name
		file := filepath.Join(dir, "data", name+".snmprec")
		if err := os.WriteFile(file, c.writable(recording), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	addr = freeAddr(tb)
	args := []string{
		"--data-dir=" + filepath.Join(dir, "data"), "--cache-dir=" + filepath.Join(dir, "cache"),
		"--agent-udpv4-endpoint=" + addr,
		"--variation-module-options=writecache:file:" + filepath.Join(dir, "writes"),
	}
	args = append(args, c.identity(tb, dir)...)
	if u := c.User; u != nil {
		args = append(args, "--v3-user="+u.Name, "--v3-auth-key="+u.AuthPass, "--v3-auth-proto="+u.Auth,
			"--v3-priv-key="+u.PrivPass, "--v3-priv-proto="+u.Priv)
	}
	peer.Start(tb, exec.Command(snmpsimd, args...), peer.Options{
		Ready:   func(ctx context.Context) error { return ask(ctx, addr, community) },
		Timeout: 2 * time.Minute,
	})
	return addr
}

// identity has snmpsim, which refuses to stay root, become nobody.
func (c *SnmpsimConfig) identity(tb testing.TB, dir string) []string {
	if os.Geteuid() != 0 {
		return nil
	}
	tb.Helper()
	const nobody = 65534
	for parent := dir; parent != filepath.Clean(os.TempDir()) && parent != "/"; parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Chown(path, nobody, nobody)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return []string{"--process-user=nobody", "--process-group=nogroup"}
}

// writable has the lines of a recording that may be written take writes.
func (c *SnmpsimConfig) writable(recording []byte) []byte {
	if len(c.Writable) == 0 {
		return recording
	}
	return editLines(recording, func(o snmpx.OID, line string) string {
		fields := strings.SplitN(line, "|", 3)
		for _, prefix := range c.Writable {
			if o.HasPrefix(prefix) && len(fields) == 3 {
				return fmt.Sprintf("%s|%s:writecache|value=%s", fields[0], fields[1], fields[2])
			}
		}
		return line
	})
}

// Select keeps the lines of a recording that are below one of the prefixes.
func Select(recording []byte, prefixes ...snmpx.OID) []byte {
	return editLines(recording, func(o snmpx.OID, line string) string {
		if slices.ContainsFunc(prefixes, o.HasPrefix) {
			return line
		}
		return ""
	})
}

// editLines makes each line what fn says, or drops it where that is empty.
func editLines(recording []byte, fn func(snmpx.OID, string) string) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(string(recording)) {
		line = strings.TrimRight(line, "\r\n")
		name, _, _ := strings.Cut(line, "|")
		o, err := snmpx.ParseOID(name)
		if err != nil {
			continue
		}
		if line = fn(o, line); line != "" {
			out.WriteString(line + "\n")
		}
	}
	return out.Bytes()
}

// DebianRecording returns a recording that comes with Debian's package snmpsim;
// without it the test is skipped.
func DebianRecording(tb testing.TB, name string) []byte {
	tb.Helper()
	f, err := os.Open(filepath.Join("/usr/share/doc/snmpsim/examples/data", name+".snmprec.gz"))
	if err != nil {
		peer.Skip(tb, "no recording of snmpsim: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatalf("snmptest: %s: %v", f.Name(), err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		tb.Fatalf("snmptest: %s: %v", f.Name(), err)
	}
	return all
}
