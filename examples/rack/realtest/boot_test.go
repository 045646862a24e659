package realtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// roots configures nfsroot, and makes a root for the first machine and what it
// loads before. The base is that of examples/nfsroot's own tests.
func (r *rack) roots() {
	r.t.Helper()
	r.write("nfsroot.toml", fmt.Sprintf(`farm = %q
boot = %q
keys = %q
cache = %q
[root]
suite = "bookworm"
arch = "amd64"
kernel = "linux-image-cloud-amd64"
[[machine]]
name = %q
address = "%s/%d"
server = %q
nfs_version = "3"
cmdline = ["mitigations=off"]
[machine.public]
vlan = %d
addresses = [%q]
gateway = %q
`, r.path("nfs"), r.path("boot"), r.path("keys"), racktest.CacheDir(),
		r.pi.Name, r.pi.Addr, r.pi.Net.Bits(), r.pi.Server, r.plan.Public.VID, r.pi.Public, r.plan.Public.Gateway))
	r.nfsroot("build")
	r.nfsroot("clone")
	r.nfsroot("boot-tree")
}

// nfsroot runs the program.
func (r *rack) nfsroot(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.program("nfsroot"), append([]string{"-config", r.path("nfsroot.toml")}, args...)...)
	out, err := cmd.Output()
	var stderr string
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		stderr = string(exit.Stderr)
	}
	require.NoError(r.t, err, "nfsroot %v: %s", args, stderr)
	r.say("nfsroot %s", strings.Join(args, " "))
	return string(out)
}

// install puts the customer's server into the machine's root, as a push of files
// that systemd finds, with its page.
func (r *rack) install(page string) {
	r.t.Helper()
	unit := fmt.Sprintf("[Unit]\nDescription=The customer's site\nAfter=network.target\n"+
		"[Service]\nExecStart=/srv/site/site -dir /srv/site -proxies %s/128\nRestart=always\nRestartSec=1\n", r.plan.Public.Gateway)
	r.write("units/site.service", unit)
	r.write("units/multi-user.target.d/site.conf", "[Unit]\nWants=site.service\n")
	r.nfsroot("push", r.path("units"), "/etc/systemd/system", r.pi.Name)
	program, err := os.ReadFile(r.program("site"))
	require.NoError(r.t, err)
	file := r.write("site/site", string(program))
	require.NoError(r.t, os.Chmod(file, 0o755))
	r.write("site/page", page)
	r.nfsroot("push", r.path("site"), "/srv/site", r.pi.Name)
}

// installCertificate puts the one that was obtained last into the machine's root.
func (r *rack) installCertificate() {
	r.t.Helper()
	r.nfsroot("push", r.path("tls"), "/srv/site/tls", r.pi.Name)
}

// servers starts what boots machines: DHCP and TFTP, and NFS.
func (r *rack) servers() {
	r.t.Helper()
	var conf strings.Builder
	fmt.Fprintf(&conf, "interfaces = [\"eth0.*\"]\nstatus = %q\njournal = %q\n", r.path("status.sock"), r.path("leases"))
	for _, pi := range r.plan.Pis {
		fmt.Fprintf(&conf, "[[machine]]\nname = %q\ninterface = %q\naddress = \"%s/%d\"\nfiles = [%q, %q]\n",
			pi.Name, pi.ServerIface(), pi.Addr, pi.Net.Bits(), r.path("boot/"+pi.Name), r.path("boot/shared"))
	}
	r.netbootd = r.daemon(r.fs.Command, "netbootd", conf.String())
	nfs := r.fs.Command(r.program("nfsroot"), "-config", r.path("nfsroot.toml"), "serve", "-listen", "0.0.0.0:2049")
	peer.Start(r.t, nfs, peer.Options{ReadyOutput: regexp.MustCompile("serving")})
}

var kernelLoaded = regexp.MustCompile(`msg=boot machine=pi1 stage=kernel boot=\d+ firmware=iPXE `)

// loaded requires that the machine's network card has loaded its kernel so often.
func (r *rack) loaded(boots int) {
	r.t.Helper()
	require.Len(r.t, kernelLoaded.FindAllString(r.netbootd.Output(), -1), boots)
}

// console starts what logs all that the machine says.
func (r *rack) console() {
	r.t.Helper()
	r.daemon(exec.Command, "serialcond", fmt.Sprintf(
		"audit = %q\n[log]\ndir = %q\n[[console]]\nname = %q\nunix = %q\n", r.path("console.jsonl"), r.path("consoles"), r.pi.Name, r.path("pi1.con")))
}

// daemon starts one of this repository's, with a configuration, and waits until
// it says that it is ready.
func (r *rack) daemon(command func(string, ...string) *exec.Cmd, name, conf string, args ...string) *peer.Process {
	r.t.Helper()
	args = append([]string{"-config", r.write(name+".toml", conf)}, args...)
	p := peer.Start(r.t, command(r.program(name), args...), peer.Options{ReadyOutput: regexp.MustCompile(name + " is ready"), Timeout: time.Minute})
	r.say("%s", filepath.Base(name))
	return p
}
