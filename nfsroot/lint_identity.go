package nfsroot

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

func identityRules() []Rule {
	return []Rule{
		{
			Name:  "ssh-host-keys",
			Finds: "Host keys of the SSH server.",
			Why:   "Every clone would have the same, so any machine could pass for any other.",
			Mend:  "Removes them; identity.Personalize gives each machine its own.",
			Base:  true,
			check: checkHostKeys,
		},
		{
			Name:  "machine-id",
			Finds: "An /etc/machine-id that is not an empty file.",
			Why:   "Clones with the same id share DHCP leases and journals. Without the file systemd takes each boot for the first one.",
			Mend:  "Empties it; systemd writes one at the first boot.",
			Base:  true,
			check: checkMachineID,
		},
		{
			Name:  "dbus-machine-id",
			Finds: "A machine-id of D-Bus that is not a link to /etc/machine-id.",
			Why:   "It is one more id that clones share.",
			Mend:  "Makes it a link.",
			check: checkDBusID,
		},
		{
			Name:  "hostname",
			Finds: "The name of the machine that Lint runs on, in /etc/hostname, /etc/hosts or /etc/mailname.",
			Why:   "Builders copy it in. Without /etc/hostname the machine takes its name from the ip= parameter of the kernel.",
			Mend:  "Removes the file, or the name from /etc/hosts.",
			Base:  true,
			check: checkHostname,
		},
		{
			Name:  "resolv.conf",
			Finds: "An /etc/resolv.conf that says anything, unless it is a link.",
			Why:   "Builders copy in the build host's, whose resolvers a machine in the rack does not reach.",
			Mend:  "Empties it.",
			Base:  true,
			check: checkResolvConf,
		},
		{
			Name:  "resolv.conf-mode",
			Finds: "An /etc/resolv.conf that is not of mode 0644.",
			Why:   "Builders copy the mode of the build host's; who cannot read it resolves nothing.",
			Mend:  "Sets the mode.",
			check: checkResolvMode,
		},
	}
}

func checkHostKeys(l *linter) error {
	names, err := l.list("etc/ssh")
	for _, name := range names {
		if strings.HasPrefix(name, "ssh_host_") && (strings.HasSuffix(name, "_key") || strings.HasSuffix(name, "_key.pub")) {
			at := path.Join("etc/ssh", name)
			l.find(Error, at, l.remove(at), "every clone has this host key")
		}
	}
	return err
}

const machineID = "etc/machine-id"

func checkMachineID(l *linter) error {
	empty := func() error { return tree.WriteFile(l.root, machineID, tree.File{Mode: 0o444}) }
	fi, err := l.root.Lstat(machineID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.find(Error, machineID, empty, "is missing: systemd takes every boot for the first")
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		l.find(Error, machineID, empty, "is not a file")
	case fi.Size() != 0:
		l.find(Error, machineID, empty, "has an id that clones share")
	}
	return nil
}

func checkDBusID(l *linter) error {
	const name = "var/lib/dbus/machine-id"
	fi, err := l.root.Lstat(name)
	if err != nil {
		return gone(err)
	}
	if fi.Mode().Type() == fs.ModeSymlink {
		return nil
	}
	mend := func() error { return tree.Symlink(l.root, "/"+machineID, name) }
	l.find(Warning, name, mend, "is not a link to /%s", machineID)
	return nil
}

func checkHostname(l *linter) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if short, _, _ := strings.Cut(host, "."); host == "" || short == "localhost" {
		return nil
	}
	for _, name := range []string{"etc/hostname", "etc/mailname"} {
		text, err := l.read(name)
		if err != nil {
			return err
		}
		if isNameOf(strings.TrimSpace(text), host) {
			l.find(Warning, name, l.remove(name), "has the name of the build host")
		}
	}
	const hosts = "etc/hosts"
	text, err := l.read(hosts)
	if err != nil {
		return err
	}
	if without := withoutHost(text, host); without != text {
		l.find(Warning, hosts, l.rewrite(hosts, without), "has the name of the build host")
	}
	return nil
}

// isNameOf reports whether name is host, with or without its domain.
func isNameOf(name, host string) bool {
	short, _, _ := strings.Cut(host, ".")
	first, _, _ := strings.Cut(name, ".")
	return name != "" && (name == host || name == short || first == short)
}

// withoutHost takes a host's names out of the text of a hosts(5), and lines that
// have no other.
func withoutHost(text, host string) string {
	return editLines(text, func(line string) (string, bool) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			return line, true
		}
		kept := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return isNameOf(f, host) })
		if len(kept) == len(fields) {
			return line, true
		}
		return strings.Join(kept, " "), len(kept) > 1
	})
}

const resolvConf = "etc/resolv.conf"

func checkResolvConf(l *linter) error {
	text, err := l.read(resolvConf)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		l.find(Error, resolvConf, l.rewrite(resolvConf, ""), "has settings of the build host")
		return nil
	}
	return nil
}

func checkResolvMode(l *linter) error {
	fi, err := l.root.Lstat(resolvConf)
	if err != nil {
		return gone(err)
	}
	if fi.Mode().IsRegular() && fi.Mode() != 0o644 {
		mend := func() error {
			return tree.Chmod(l.root, resolvConf, func(fs.FileInfo) (fs.FileMode, error) { return 0o644, nil })
		}
		l.find(Warning, resolvConf, mend, "has mode %04o", fi.Mode().Perm())
	}
	return nil
}
