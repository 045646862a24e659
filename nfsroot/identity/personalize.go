package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// Personalize writes an identity into a tree. Each file is replaced in one
// step, those that are right already stay as they are, and nothing is written
// when the identity is not valid. The files belong to who calls it, which for a
// root is root. Nothing is synced to disk.
//
// The tree may be hostile; see the package's comment. What could not be written
// is in the error, and the rest was not tried.
func Personalize(root *os.Root, id Identity) error {
	if err := id.Validate(); err != nil {
		return err
	}
	for _, step := range []func(*os.Root, Identity) error{
		writeNames, writeMachineID, writeHostKeys, writeAuthorizedKeys, writeResolvConf, writeNetwork, writeClock, writeFiles,
	} {
		if err := step(root, id); err != nil {
			return fmt.Errorf("identity: personalize %s: %w", id.Name, err)
		}
	}
	return nil
}

func writeText(root *os.Root, name, text string) error {
	return tree.WriteFile(root, name, tree.File{Data: []byte(text)})
}

func writeNames(root *os.Root, id Identity) error {
	return errors.Join(
		writeText(root, "etc/hostname", shortName(id.Name)+"\n"),
		writeText(root, "etc/hosts", hostsText(id)),
	)
}

func shortName(name string) string {
	short, _, _ := strings.Cut(name, ".")
	return short
}

// hostsText is a hosts(5). Debian gives a machine's own name the address
// 127.0.1.1, so that it resolves whatever the network is like.
func hostsText(id Identity) string {
	own := id.Name
	if short := shortName(id.Name); short != own {
		own += " " + short
	}
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n127.0.1.1 " + own + "\n::1 localhost ip6-localhost ip6-loopback\n")
	b.WriteString("ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n")
	for _, h := range id.Hosts {
		fmt.Fprintf(&b, "%s %s\n", h.Addr, strings.Join(h.Names, " "))
	}
	return b.String()
}

func writeMachineID(root *os.Root, id Identity) error {
	text := id.MachineID
	if text != "" {
		text += "\n"
	}
	return tree.WriteFile(root, "etc/machine-id", tree.File{Data: []byte(text), Mode: 0o444})
}

const keyFile = "ssh_host_ed25519_key"

// writeHostKeys replaces all host keys that the tree has, which are those of
// every clone.
func writeHostKeys(root *os.Root, id Identity) error {
	if id.HostKeys == nil {
		return nil
	}
	if err := removeHostKeys(root); err != nil {
		return err
	}
	return errors.Join(
		tree.WriteFile(root, "etc/ssh/"+keyFile, tree.File{Data: id.HostKeys.pem, Mode: 0o600}),
		writeText(root, "etc/ssh/"+keyFile+".pub", id.HostKeys.PublicKey()+" root@"+shortName(id.Name)+"\n"),
	)
}

func removeHostKeys(root *os.Root) error {
	dir, err := root.OpenRoot("etc/ssh")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open etc/ssh: %w", err)
	}
	defer dir.Close()
	for _, kind := range []string{"dsa", "ecdsa", "rsa"} {
		for _, suffix := range []string{"", ".pub"} {
			name := "ssh_host_" + kind + "_key" + suffix
			if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove the host keys of the base: %w", err)
			}
		}
	}
	return nil
}

// writeAuthorizedKeys keeps to the modes that sshd's StrictModes wants.
func writeAuthorizedKeys(root *os.Root, id Identity) error {
	if id.AuthorizedKeys == nil {
		return nil
	}
	if err := tree.Mkdir(root, "root/.ssh", 0o700); err != nil {
		return err
	}
	var b strings.Builder
	for _, line := range id.AuthorizedKeys {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return tree.WriteFile(root, "root/.ssh/authorized_keys", tree.File{Data: []byte(b.String()), Mode: 0o600})
}

func writeResolvConf(root *os.Root, id Identity) error {
	if id.DNS == nil {
		return nil
	}
	var b strings.Builder
	if len(id.Search) > 0 {
		b.WriteString("search " + strings.Join(id.Search, " ") + "\n")
	}
	for _, addr := range id.DNS {
		b.WriteString("nameserver " + addr.String() + "\n")
	}
	return writeText(root, "etc/resolv.conf", b.String())
}

func writeClock(root *os.Root, id Identity) error {
	if id.Clock.IsZero() {
		return nil
	}
	const epoch = "usr/lib/clock-epoch" // only its time is looked at
	if err := writeText(root, epoch, ""); err != nil {
		return err
	}
	if err := root.Chtimes(epoch, id.Clock, id.Clock); err != nil {
		return fmt.Errorf("set the time of %s: %w", epoch, err)
	}
	if !exists(root, "sbin/fake-hwclock") && !exists(root, "usr/sbin/fake-hwclock") {
		return nil
	}
	return writeText(root, "etc/fake-hwclock.data", id.Clock.UTC().Format("2006-01-02 15:04:05")+"\n")
}

func writeFiles(root *os.Root, id Identity) error {
	for _, name := range slices.Sorted(maps.Keys(id.Files)) {
		if err := tree.WriteFile(root, name, tree.File{Data: id.Files[name]}); err != nil {
			return err
		}
	}
	return nil
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}
