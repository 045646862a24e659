package boottree

import (
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// RaspiFirmwareDefaults are files for a Pi's root, by path below it, that make
// the hook of Debian's raspi-firmware write the given command line and settings
// into /boot/firmware whenever a kernel or the firmware is installed or
// upgraded there. The hook adds fsck.repair=yes, net.ifnames=0 and rootwait,
// which do no harm.
//
// Without them it writes the source of whatever is mounted as / where it runs:
// in a chroot the disk of the build host. And on a running Pi it fails, and with
// it the upgrade of the kernel, because /boot/firmware is no mount point; one of
// the files is a unit that makes it one.
//
// The command line must have its root on NFS and name its consoles, for which
// the hook would otherwise look on the build host, too.
func RaspiFirmwareDefaults(line bootparam.Cmdline, config bootparam.ConfigTXT) (map[string]string, error) {
	files, err := defaults(line, config)
	if err != nil {
		return nil, fmt.Errorf("boottree: defaults of raspi-firmware: %w", err)
	}
	return files, nil
}

func defaults(line bootparam.Cmdline, config bootparam.ConfigTXT) (map[string]string, error) {
	if line.Root != "" && line.Root != bootparam.DevNFS {
		return nil, fmt.Errorf("Root %q is not %s", line.Root, bootparam.DevNFS)
	}
	if len(line.Consoles) == 0 {
		return nil, fmt.Errorf("Consoles is empty, and the hook would take those of the build host")
	}
	for _, c := range line.Consoles {
		if strings.ContainsAny(c, "$`\\*?[;&|<>()") {
			return nil, fmt.Errorf("Consoles %q has a character in it that means something to the hook's shell", c)
		}
	}
	if _, err := line.Text(); err != nil {
		return nil, err
	}
	settings, err := config.Text()
	if err != nil {
		return nil, err
	}
	consoles := line.Consoles
	line.Consoles = nil // and then root= comes first, which the hook writes too
	text, err := line.Text()
	if err != nil {
		return nil, err
	}
	extra := strings.TrimPrefix(text, "root="+bootparam.DevNFS+" ")
	files := map[string]string{
		"etc/default/raspi-firmware":                         shellDefaults(consoles),
		"etc/default/raspi-extra-cmdline":                    extra,
		"etc/systemd/system/boot-firmware.mount":             mountUnit,
		"etc/systemd/system/local-fs.target.d/firmware.conf": "[Unit]\nWants=boot-firmware.mount\n",
	}
	if settings != "" {
		files["etc/default/raspi-firmware-custom"] = settings
	}
	return files, nil
}

// shellDefaults is what the hook sources. CMA=0 leaves the memory of the
// graphics to the kernel: the hook's 64M keeps a Pi 4 from starting, and whether
// it is one the hook asks the machine that it runs on.
func shellDefaults(consoles []string) string {
	return fmt.Sprintf(`# The root is on NFS. What else is on the command line is in raspi-extra-cmdline.
ROOTPART=%s
CONSOLES="%s"
CMA=0
KERNEL="auto"
INITRAMFS="auto"
`, bootparam.DevNFS, strings.Join(consoles, " "))
}

const mountUnit = `[Unit]
Description=Boot files, which raspi-firmware wants to find on a mount point
DefaultDependencies=no
ConditionPathIsDirectory=/boot/firmware
RequiresMountsFor=/boot
Before=local-fs.target

[Mount]
What=/boot/firmware
Where=/boot/firmware
Type=none
Options=bind
`
