package nfsroot

import (
	"path"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// bootInterface carries the root. It has this name with net.ifnames=0, and on a
// Pi without.
const bootInterface = "eth0"

func networkRules() []Rule {
	return []Rule{{
		Name:  "boot-interface",
		Finds: "Settings of ifupdown, systemd-networkd, NetworkManager or dhcpcd that would set up eth0 once more.",
		Why:   "The root is mounted through eth0: when it goes down or loses its address, the machine stops, with no way to find out why.",
		Mend:  "Tells each to leave eth0 alone.",
		check: checkBootInterface,
	}}
}

func checkBootInterface(l *linter) error {
	for _, check := range []func(*linter) error{checkIfupdown, checkNetworkd, checkNetworkManager, checkDhcpcd} {
		if err := check(l); err != nil {
			return err
		}
	}
	return nil
}

func checkIfupdown(l *linter) error {
	names, err := l.list("etc/network/interfaces.d")
	if err != nil {
		return err
	}
	for _, name := range append([]string{"../interfaces"}, names...) {
		at := path.Join("etc/network/interfaces.d", name)
		text, err := l.read(at)
		if err != nil {
			return err
		}
		if mended := leaveToKernel(text); mended != text {
			l.find(Error, at, l.rewrite(at, mended), "has ifupdown set up %s", bootInterface)
		}
	}
	return nil
}

// leaveToKernel returns the text of an interfaces(5) in which eth0 is not
// brought up by itself, and is of the method manual, without options.
func leaveToKernel(text string) string {
	dropping := false // in the stanza of eth0, when its method had to be changed
	return editLines(text, func(line string) (string, bool) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			return line, true
		}
		switch word := fields[0]; {
		case word == "auto" || strings.HasPrefix(word, "allow-"):
			dropping = false
			kept := slices.DeleteFunc(slices.Clone(fields[1:]), matchesBoot)
			if len(kept) == len(fields)-1 {
				return line, true
			}
			return word + " " + strings.Join(kept, " "), len(kept) > 0
		case word == "iface" && len(fields) >= 4:
			dropping = matchesBoot(fields[1]) && fields[3] != "manual"
			if dropping {
				return strings.Join([]string{word, fields[1], fields[2], "manual"}, " "), true
			}
			return line, true
		case slices.Contains([]string{"mapping", "source", "source-directory", "rename", "template", "no-auto-down", "no-scripts", "iface"}, word):
			dropping = false
			return line, true
		}
		return line, !dropping
	})
}

// matchesBoot reports whether eth0 is meant by a name of interfaces(5), which
// may be "/pattern" or "phys=logical".
func matchesBoot(name string) bool {
	name, _, _ = strings.Cut(name, "=")
	if pattern, ok := strings.CutPrefix(name, "/"); ok {
		pattern, _, _ = strings.Cut(pattern, "/")
		ok, _ := path.Match(pattern, bootInterface)
		return ok
	}
	return name == bootInterface
}

const networkdUnit = "etc/systemd/network/05-nfsroot-eth0.network"

func checkNetworkd(l *linter) error {
	var files []string
	seen := make(map[string]bool)
	for _, dir := range []string{"etc/systemd/network", "usr/lib/systemd/network", "lib/systemd/network"} {
		found, err := l.files(dir, ".network")
		if err != nil {
			return err
		}
		for _, at := range found {
			if !seen[path.Base(at)] {
				files = append(files, at)
			}
			seen[path.Base(at)] = true
		}
	}
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	for _, at := range files { // the first that matches is used
		text, err := l.read(at)
		if err != nil {
			return err
		}
		sections := parseSections(text)
		if !networkdMatches(sections) {
			continue
		}
		if !keepsConfiguration(sections) {
			l.find(Error, networkdUnit, func() error {
				return tree.WriteFile(l.root, networkdUnit, tree.File{Data: []byte(networkdKeep)})
			}, "%s has systemd-networkd set up %s", at, bootInterface)
		}
		return nil
	}
	return nil
}

// networkdKeep leaves to eth0 what the kernel or the initramfs gave it.
const networkdKeep = `[Match]
Name=eth0

[Link]
Unmanaged=yes
`

// networkdMatches reports whether a .network file is for eth0, an Ethernet
// interface whose hardware is not known here.
func networkdMatches(sections []section) bool {
	matched := false
	for _, s := range sections {
		if s.name != "Match" {
			continue
		}
		for _, kv := range s.keys {
			switch kv.key {
			case "Name":
				if !matchesList(kv.value, bootInterface) {
					return false
				}
			case "Type":
				if !matchesList(kv.value, "ether") {
					return false
				}
			case "Kind", "WLANInterfaceType", "SSID", "BSSID":
				if !strings.HasPrefix(kv.value, "!") {
					return false // eth0 has none
				}
			}
			matched = true
		}
	}
	return matched
}

// matchesList is how systemd.network(5) matches: any of the patterns, and if
// the list begins with !, none.
func matchesList(list, name string) bool {
	list, inverted := strings.CutPrefix(list, "!")
	for pattern := range strings.FieldsSeq(list) {
		if ok, _ := path.Match(pattern, name); ok {
			return !inverted
		}
	}
	return inverted
}

// keepsConfiguration reports whether networkd leaves the addresses of an
// interface alone.
func keepsConfiguration(sections []section) bool {
	if isTrue(lastOf(values(sections, "Link", "Unmanaged"))) {
		return true
	}
	keep := lastOf(values(sections, "Network", "KeepConfiguration"))
	dhcp := lastOf(values(sections, "Network", "DHCP"))
	return isTrue(keep) && (dhcp == "" || dhcp == "no")
}

func isTrue(s string) bool {
	return slices.Contains([]string{"1", "yes", "true", "on"}, strings.ToLower(s))
}

const networkManagerConf = "etc/NetworkManager/conf.d/05-nfsroot.conf"

func checkNetworkManager(l *linter) error {
	if !l.exists("usr/sbin/NetworkManager") {
		return nil
	}
	var files []string
	for _, dir := range []string{"usr/lib/NetworkManager/conf.d", "etc/NetworkManager/conf.d"} {
		found, err := l.files(dir, ".conf")
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	for _, at := range append(files, "etc/NetworkManager/NetworkManager.conf") {
		text, err := l.read(at)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(parseSections(text), unmanagesBoot) {
			return nil
		}
	}
	l.find(Error, networkManagerConf, func() error {
		return tree.WriteFile(l.root, networkManagerConf, tree.File{Data: []byte("[device-nfsroot]\nmatch-device=interface-name:eth0\nmanaged=0\n")})
	}, "NetworkManager is not told to leave %s alone", bootInterface)
	return nil
}

// unmanagesBoot reports whether a section of NetworkManager.conf(5) leaves eth0
// alone.
func unmanagesBoot(s section) bool {
	devices := ""
	switch {
	case s.name == "keyfile":
		devices = s.get("unmanaged-devices") + ";" + s.get("unmanaged-devices+")
	case strings.HasPrefix(s.name, "device") && slices.Contains([]string{"0", "false", "no", "off"}, s.get("managed")):
		devices = s.get("match-device")
	}
	for spec := range strings.FieldsFuncSeq(devices, func(r rune) bool { return r == ';' || r == ',' }) {
		name, ok := strings.CutPrefix(strings.TrimSpace(spec), "interface-name:")
		if ok && matchesList(strings.TrimPrefix(name, "="), bootInterface) {
			return true
		}
	}
	return false
}

func checkDhcpcd(l *linter) error {
	const conf = "etc/dhcpcd.conf"
	if l.unitFile("dhcpcd.service") == "" || l.masked(path.Join(etcUnits, "dhcpcd.service")) {
		return nil
	}
	text, err := l.read(conf)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "denyinterfaces" && slices.ContainsFunc(fields[1:], func(p string) bool {
			ok, _ := path.Match(p, bootInterface)
			return ok
		}) {
			return nil
		}
	}
	// In front: further down it could belong to a block for some interface.
	l.find(Error, conf, l.rewrite(conf, "denyinterfaces "+bootInterface+"\n"+text), "dhcpcd is not told to leave %s alone", bootInterface)
	return nil
}
