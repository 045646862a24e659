package realtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// umlModules is where Debian's user-mode-linux keeps the modules of its kernel.
const umlModules = "/usr/lib/uml/modules"

// Guest is a machine under user-mode-linux. The zero value is a machine of 256
// MiB that loads no module.
type Guest struct {
	// Modules are loaded before the script runs, such as "8021q" and "bridge".
	Modules []string
	// Memory is what the machine has, such as "256M". Empty means 256M.
	Memory string
	// Patience is how long the script may take, from power on to its end. Zero
	// means five minutes: a start takes seconds, and more on a busy host.
	Patience time.Duration
}

// Run boots the machine, runs the shell script as its first process with
// -e in force, and returns what it printed. A command of the script that fails
// fails the test.
//
// The script sees the host's files, read-only. /run, /root, /etc/network and
// /mnt are empty memory, with the folder of temporary files, TMPDIR, in /run;
// /proc and /sys are the guest's own. The test is skipped where user-mode-linux
// is missing.
func (g Guest) Run(t testing.TB, script string) string {
	t.Helper()
	uml := peer.Look(t, "linux.uml", "linux")
	if _, err := os.Stat(umlModules); err != nil {
		peer.Skip(t, "needs the modules of user-mode-linux: %v", err)
	}
	dir, err := os.MkdirTemp("", "uml")
	if err != nil {
		t.Fatalf("realtest: folder of the guest: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	g.files(t, dir, script)

	cmd := exec.Command(uml, "mem="+g.memory(), "root=none", "rootfstype=hostfs", "ro", "quiet",
		"init="+filepath.Join(dir, "init"), "uml_dir="+dir, "umid=guest", "con=null", "con0=fd:0,fd:1")
	machine := peer.Start(t, cmd, peer.Options{Grace: -1})
	ctx, cancel := context.WithTimeout(t.Context(), g.patience())
	defer cancel()
	end, err := machine.WaitOutput(ctx, guestEnd)
	if err == nil {
		err = machine.Wait(ctx) // so that its own processes end in order
	}
	output := machine.Output()
	machine.Stop()
	if err != nil {
		t.Fatalf("realtest: the guest did not end: %v\n%s", err, output)
	}
	_, output, _ = strings.Cut(strings.ReplaceAll(output, "\r", ""), guestBegin+"\n")
	output = guestEnd.ReplaceAllString(output, "")
	if end[1] != "0" {
		t.Fatalf("realtest: the guest's script ended with status %s:\n%s", end[1], output)
	}
	return output
}

// The lines around what the script prints.
const guestBegin = "=== the script begins"

var guestEnd = regexp.MustCompile(`(?s)=== the script ended: (\d+)\r?\n.*`)

// files writes the guest's first process and the script that it runs. The
// first process must not end before the power is off: the kernel would panic.
func (g Guest) files(t testing.TB, dir, script string) {
	t.Helper()
	init := fmt.Sprintf(`#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
for d in /run /root /etc/network /mnt; do mount -t tmpfs tmpfs $d; done
mkdir -p /run/lock /run/temporary
export TMPDIR=/run/temporary
for m in %[2]s; do modprobe -d '%[1]s' $m || echo "module $m is missing"; done
ip link set lo up
echo '%[3]s'
sh -e '%[1]s/script' </dev/null 2>&1
echo "=== the script ended: $?"
echo o >/proc/sysrq-trigger
sleep infinity
`, dir, strings.Join(g.Modules, " "), guestBegin)
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatalf("realtest: guest's %s: %v", name, err)
		}
	}
	write("init", init, 0o755)
	write("script", script, 0o755)
	lib := filepath.Join(dir, "lib")
	if err := os.Mkdir(lib, 0o755); err != nil {
		t.Fatalf("realtest: guest's modules: %v", err)
	}
	if err := os.Symlink(umlModules, filepath.Join(lib, "modules")); err != nil {
		t.Fatalf("realtest: guest's modules: %v", err)
	}
}

func (g Guest) memory() string {
	if g.Memory == "" {
		return "256M"
	}
	return g.Memory
}

func (g Guest) patience() time.Duration {
	if g.Patience == 0 {
		return 5 * time.Minute
	}
	return g.Patience
}
