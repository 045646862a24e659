package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sandbox is what a shell can do of a unit: a network of its own, a root that can not be
// written but for the unit's folders, a user without rights, and the capabilities that
// the unit leaves.
const sandbox = `
ip link set lo up
mount --bind "$ROOT" "$ROOT"
mount -t tmpfs tmpfs "$ROOT/run"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount -t devtmpfs devtmpfs "$ROOT/dev" 2>/dev/null || mount --bind /dev "$ROOT/dev"
mkdir "$ROOT/run/notify" && mount --bind "$NOTIFY_DIR" "$ROOT/run/notify"
for d in $WRITABLE; do
	mkdir -p "$ROOT$d" && chown "$OWNER" "$ROOT$d" && mount --bind "$ROOT$d" "$ROOT$d"
done
mount -o remount,ro,bind "$ROOT"
exec chroot "$ROOT" setpriv $RIGHTS $COMMAND
`

// daemon starts the program as its unit says, waits until it says that it is ready, and
// ends it.
func (c *chroot) daemon(t *testing.T, p program) {
	unit := c.settings(t, p)
	require.Equal(t, "/etc/"+p.Name+".toml", unit["ConditionPathExists"])
	require.True(t, strings.HasPrefix(unit["ExecStart"], p.path()+" "), unit["ExecStart"])
	environment := []string{"POECTL_COMMUNITY=x", "POECTL_TOKEN=0123456789abcdef0123"}
	if p.Name == "poectl" {
		c.shell(strings.Join(environment, " ") + " poectl check")
	} else {
		c.shell(p.path() + " -check")
	}

	ready := t.TempDir()
	require.NoError(t, os.Chmod(ready, 0o777)) // #nosec G302 -- a user without rights writes to the socket in it
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(ready, "socket"), Net: "unixgram"})
	require.NoError(t, err)
	defer notify.Close()
	require.NoError(t, os.Chmod(filepath.Join(ready, "socket"), 0o777)) // #nosec G302 -- as above

	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--fork", "--kill-child", "sh", "-e", "-c", sandbox)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(environment, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "ROOT="+c.dir, "NOTIFY_DIR="+ready, "NOTIFY_SOCKET=/run/notify/socket",
		"WRITABLE="+strings.Join(folders(unit), " "), "OWNER="+owner(unit), "RIGHTS="+rights(unit), "COMMAND="+unit["ExecStart"])
	for _, kind := range []string{"State", "Runtime", "Logs", "Configuration"} {
		if names := unit[kind+"Directory"]; names != "" {
			cmd.Env = append(cmd.Env, strings.ToUpper(kind)+"_DIRECTORY="+places[kind]+strings.Fields(names)[0])
		}
	}
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(log); s.Scan(); {
			lines <- s.Text()
		}
	}()
	said := make(chan string, 1)
	go func() {
		defer close(said)
		buf := make([]byte, 4096)
		for {
			n, err := notify.Read(buf)
			if err != nil {
				return
			}
			if strings.Contains(string(buf[:n]), "READY=1") {
				said <- string(buf[:n])
				return
			}
		}
	}()
	if unit["Type"] == "notify" {
		select {
		case <-said:
		case <-time.After(time.Minute):
			t.Errorf("%s does not say that it is ready", p.Name)
		}
	} else {
		require.Eventually(t, func() bool { return listens(daemonPID(t, p.path())) }, time.Minute, 50*time.Millisecond, "%s listens on nothing", p.Name)
	}
	pid := daemonPID(t, p.path())
	if pid > 0 {
		require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	} else {
		t.Errorf("%s does not run", p.Name)
		_ = cmd.Process.Kill()
	}
	var text strings.Builder
	for line := range lines {
		fmt.Fprintln(&text, line)
	}
	require.NoError(t, cmd.Wait(), "%s", &text)
	if t.Failed() {
		t.Log(text.String())
	}
}

var places = map[string]string{"State": "/var/lib/", "Runtime": "/run/", "Logs": "/var/log/", "Configuration": "/etc/"}

// folders are those that the unit lets the daemon write.
func folders(unit map[string]string) []string {
	var all []string
	for _, kind := range []string{"State", "Runtime", "Logs"} {
		for name := range strings.FieldsSeq(unit[kind+"Directory"]) {
			all = append(all, places[kind]+name)
		}
	}
	return all
}

// owner is the user that systemd would make up, the unit's, or root.
func owner(unit map[string]string) string {
	switch {
	case unit["DynamicUser"] == "yes", unit["User"] != "":
		return "65534:65534"
	}
	return "0:0"
}

// rights are options of setpriv.
func rights(unit map[string]string) string {
	uid, gid, _ := strings.Cut(owner(unit), ":")
	var caps []string
	for c := range strings.FieldsSeq(unit["AmbientCapabilities"]) {
		caps = append(caps, "+"+strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	set := strings.Join(append([]string{"-all"}, caps...), ",")
	return fmt.Sprintf("--reuid %s --regid %s --clear-groups --no-new-privs --inh-caps %s --ambient-caps %s --bounding-set %s", uid, gid, set, set, set)
}

// listens says whether there is a listening socket in the network of the process.
func listens(pid int) bool {
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	return err == nil && strings.Contains(string(table), " 00000000:0000 0A ")
}

// daemonPID finds the process of a program.
func daemonPID(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscan(e.Name(), &pid); err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.HasPrefix(string(line), path+"\x00") {
			return pid
		}
	}
	return 0
}
