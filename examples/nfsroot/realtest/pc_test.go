package realtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// pcRoot is the root of a PC, with Debian's kernel for virtual machines. The
// kernel of trixie asks nfs-ganesha 4 for READ_PLUS by NFS 4.2, and gets an input
// or output error where a file has a hole; that of bookworm does not ask.
func pcRoot(suite string) string {
	return fmt.Sprintf(`
[root]
suite = %q
arch = "amd64"
kernel = "linux-image-cloud-amd64"
`, suite)
}

const bootPatience = 10 * time.Minute

// A PC with NFS 4.2 from ganesha: from power on to a login, everything that the
// probe suite asks of a root, new files under its feet, a new root beside the
// one that it runs on, and the new one after a power cycle.
func TestRealRebuild(t *testing.T) {
	t.Parallel()
	r := newRack(t, cacheSetting()+pcRoot("bookworm"), machine{name: "pc1", more: `nfs_version = "4.2"`})
	pc := r.machines[0]
	r.prepare()
	r.ganesha()
	r.netbootd()
	qemu := r.pc(pc)
	r.awaitSSH(pc, qemu, bootPatience)
	r.healthy(pc)
	require.Regexp(t, `^nfs4 .*\bvers=4\.2\b`, r.run(pc, "findmnt -no FSTYPE,OPTIONS /"))
	require.Equal(t, "pc1", r.run(pc, "hostname"))
	r.nfsroot("confirm", "pc1")

	r.probe(pc, "utimens-symlink") // nfs-ganesha 4.3 does not set them

	r.run(pc, "echo old >/etc/generation; nohup sh -c 'while date +%s >>/var/tmp/alive; do sleep 1; done' >/dev/null 2>&1 &")
	r.nfsroot("rebuild", "pc1")
	require.Equal(t, "old", r.run(pc, "cat /etc/generation"), "the machine runs on with the root that it has")
	r.grows(pc, "/var/tmp/alive")
	r.run(pc, "sync")

	qemu.Stop() // by the switch, as it were
	qemu = r.pc(pc)
	r.awaitSSH(pc, qemu, bootPatience)
	require.Equal(t, "new", r.run(pc, "cat /etc/generation 2>/dev/null || echo new"), "the machine came back on the new root")
	r.healthy(pc)
	require.Contains(t, r.nfsroot("status"), "pc1")
	r.nfsroot("confirm", "pc1")
	r.nfsroot("gc")
}

// A PC with NFS 3, whose server is away for 20 seconds.
func TestRealServerAway(t *testing.T) {
	t.Parallel()
	r := newRack(t, cacheSetting()+pcRoot("trixie"), machine{name: "pc3", more: `nfs_version = "3"`})
	pc := r.machines[0]
	r.prepare()
	server := r.ganesha()
	r.netbootd()
	qemu := r.pc(pc)
	r.awaitSSH(pc, qemu, bootPatience)
	r.healthy(pc)
	require.Regexp(t, `^nfs .*\bvers=3\b`, r.run(pc, "findmnt -no FSTYPE,OPTIONS /"))

	// The list of what went wrong is kept in memory, where it can be written to.
	r.run(pc, "nohup sh -c 'i=0; while :; do i=$((i+1)); echo $i >>/var/tmp/count || echo $i >>/run/failed; sync /var/tmp/count || echo $i >>/run/failed; sleep 0.2; done' >/dev/null 2>&1 &")
	server.Kill()
	away := time.NewTimer(20 * time.Second)
	<-away.C
	server.Restart()
	r.grows(pc, "/var/tmp/count")
	require.Empty(t, r.run(pc, "cat /run/failed 2>/dev/null || true"))
	r.healthy(pc)
}

// A PC whose root is served by the program itself.
func TestRealOwnServer(t *testing.T) {
	t.Parallel()
	r := newRack(t, cacheSetting()+pcRoot("bookworm"), machine{name: "pc5", more: `nfs_version = "3"`})
	pc := r.machines[0]
	r.prepare()
	serve := func() *peer.Process {
		cmd := r.ns.Command(program(t, "nfsroot"), "-config", r.path("nfsroot.toml"), "serve", "-listen", "0.0.0.0:2049")
		return peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("serving")})
	}
	server := serve()
	r.netbootd()
	qemu := r.pc(pc)
	r.awaitSSH(pc, qemu, bootPatience)
	r.healthy(pc)
	r.probe(pc)

	r.run(pc, "exec 3>/var/tmp/open; (sleep 8; echo written >&3) >/dev/null 2>&1 &")
	server.Stop()
	serve()
	require.NoError(t, racktest.Until(t.Context(), time.Minute, func(context.Context) error {
		if got := r.run(pc, "cat /var/tmp/open"); got != "written" {
			return fmt.Errorf("the open file has %q", got)
		}
		return nil
	}))
	r.healthy(pc)
}

// grows requires that lines are being added to a file of the machine's.
func (r *rack) grows(m machine, file string) {
	r.t.Helper()
	lines := func() string { return r.run(m, "cat "+file+" 2>/dev/null | wc -l") }
	before := lines()
	require.NoError(r.t, racktest.Until(r.t.Context(), time.Minute, func(context.Context) error {
		if lines() == before {
			return fmt.Errorf("%s has %s lines as before", file, before)
		}
		return nil
	}))
}

// healthy requires that every unit of the machine is well.
func (r *rack) healthy(m machine) {
	r.t.Helper()
	state := r.run(m, "systemctl is-system-running --wait || true; systemctl --failed --no-legend --plain")
	if state == "running" {
		return
	}
	why := "for u in $(systemctl --failed --no-legend --plain | cut -d ' ' -f 1); do systemctl status --no-pager -l $u; journalctl -b --no-pager -u $u; done"
	require.Fail(r.t, m.name+" is not well", "%s\n%s", state, r.run(m, why+" || true"))
}

// probe pushes the probe suite into the machine's root and runs it there, and
// requires that nothing fails but what is named.
func (r *rack) probe(m machine, but ...string) {
	r.t.Helper()
	dir := r.t.TempDir()
	cmd := exec.Command(peer.Look(r.t, "go"), "build", "-o", filepath.Join(dir, "nfsprobe"),
		"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest/cmd/nfsprobe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	r.must(cmd)
	r.nfsroot("push", dir, "/srv/probe", m.name)
	require.NoError(r.t, racktest.Until(r.t.Context(), 2*time.Minute, func(context.Context) error {
		if r.run(m, "[ -x /srv/probe/nfsprobe ] && echo there || true") == "" {
			return errors.New("the machine does not see what was pushed")
		}
		return nil
	}))
	out := r.run(m, "mkdir -p /var/probed; /srv/probe/nfsprobe /var/probed || true")
	r.t.Log(out)
	require.Regexp(r.t, `(?m)^nfsprobe: [0-9]{2} ok`, out, "the probes came to their end")
	var failed []string
	for _, line := range regexp.MustCompile(`(?m)^FAIL ([a-z0-9-]+)`).FindAllStringSubmatch(out, -1) {
		failed = append(failed, line[1])
	}
	require.Subset(r.t, but, failed)
}
