package demo

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// guest is the operating system of an emulated Pi, as its console shows it: what the
// kernel says, a login, and a shell that knows a few commands. It waits for nothing
// and nobody; [guest.Keys] is a function of what was typed.
type guest struct {
	Host   string
	Model  string
	Serial string
	Addr   netip.Prefix
	Public netip.Addr
	Kernel string // the file that it was started from
	Root   int    // the generation of its root
	Booted time.Time

	line []byte
	user string
}

const release = "6.12.47+rpt-rpi-v8"

// Firmware is what the boot loader says first.
func (g *guest) Firmware() string {
	return fmt.Sprintf("\r\nRaspberry Pi Bootcode\r\n%s, serial %s\r\nBoot mode: NETWORK (02) order f2\r\n", g.Model, g.Serial)
}

// BootLog is what the kernel and the init system say, a line each.
func (g *guest) BootLog() []string {
	says := []string{
		"Booting Linux on physical CPU 0x0000000000 [0x410fd083]",
		"Linux version " + release + " (serge@raspberrypi.com) (gcc-12 (Debian 12.2.0)) #1 SMP PREEMPT Debian",
		"Machine model: " + g.Model,
		"Memory: 948844K/971776K available (14016K kernel code, 2406K rwdata, 4588K rodata)",
		"Kernel command line: console=serial0,115200 root=/dev/nfs ip=dhcp rootwait ro",
		"devtmpfs: initialized",
		"NET: Registered PF_INET protocol family",
		"serial8250: ttyS0 at MMIO 0x3f215040 (irq = 53, base_baud = 50000000) is a 16550",
		"printk: legacy console [ttyS0] enabled",
		"NET: Registered PF_INET6 protocol family",
		"smsc95xx 1-1.1:1.0 eth0: register 'smsc95xx', " + g.mac(),
		"smsc95xx 1-1.1:1.0 eth0: link up, 100Mbps, full-duplex",
		"Sending DHCP requests ., OK",
		fmt.Sprintf("IP-Config: Got DHCP answer, my address is %s", g.Addr.Addr()),
		fmt.Sprintf("VFS: Mounted root (nfs filesystem) readonly on device 0:17, generation %d.", g.Root),
		"Run /sbin/init as init process",
	}
	lines := make([]string, 0, len(says)+8)
	for i, text := range says {
		lines = append(lines, fmt.Sprintf("[%5d.%06d] %s", i/6, (i*377123)%1000000, text))
	}
	lines = append(lines, "", "Welcome to \x1b[1mDebian GNU/Linux 12 (bookworm)\x1b[0m!", "")
	for _, unit := range []string{
		"Mounted sys-kernel-debug.mount", "Started systemd-journald.service", "Reached target network-online.target",
		"Started ssh.service", "Started nginx.service", "Started serial-getty@ttyS0.service",
	} {
		lines = append(lines, "[\x1b[0;32m  OK  \x1b[0m] "+unit)
	}
	return lines
}

func (g *guest) mac() string {
	if len(g.Serial) < 6 {
		return "b8:27:eb:00:00:00"
	}
	s := g.Serial[len(g.Serial)-6:]
	return "b8:27:eb:" + s[:2] + ":" + s[2:4] + ":" + s[4:]
}

// Prompt is what stands at the start of a line.
func (g *guest) Prompt() string {
	if g.user == "" {
		return g.Host + " login: "
	}
	return g.user + "@" + g.Host + ":~$ "
}

// Greeting is what the console shows when somebody can log in.
func (g *guest) Greeting() string {
	return "\r\nDebian GNU/Linux 12 " + g.Host + " ttyS0\r\n\r\n" + g.Prompt()
}

// Panic is what a kernel says last.
func (g *guest) Panic(up time.Duration) string {
	stamp := fmt.Sprintf("[%5d.%06d] ", int(up.Seconds()), up.Microseconds()%1e6)
	return "\r\n" + stamp + "Unable to handle kernel paging request at virtual address ffffffc010b5f000\r\n" +
		stamp + "Kernel panic - not syncing: Fatal exception in interrupt\r\n" +
		stamp + "---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---\r\n"
}

// Keys takes what was typed, and returns what the terminal shows for it. reboot says
// that the command was typed by which the machine starts anew.
func (g *guest) Keys(keys []byte, now time.Time) (shown string, reboot bool) {
	const maxLine = 200
	var out strings.Builder
	for _, k := range keys {
		switch {
		case k == '\r' || k == '\n':
			out.WriteString("\r\n")
			line := string(g.line)
			g.line = g.line[:0]
			text, again := g.enter(strings.TrimSpace(line), now)
			out.WriteString(strings.ReplaceAll(text, "\n", "\r\n"))
			if again {
				return out.String(), true
			}
			out.WriteString(g.Prompt())
		case (k == 0x7f || k == '\b') && len(g.line) > 0:
			g.line = g.line[:len(g.line)-1]
			out.WriteString("\b \b")
		case k == 0x15: // control-U
			out.WriteString(strings.Repeat("\b \b", len(g.line)))
			g.line = g.line[:0]
		case k == 0x03: // control-C
			g.line = g.line[:0]
			out.WriteString("^C\r\n" + g.Prompt())
		case k == 0x04 && len(g.line) == 0 && g.user != "": // control-D
			g.user = ""
			out.WriteString("logout\r\n" + g.Greeting())
		case k >= ' ' && k < 0x7f && len(g.line) < maxLine:
			g.line = append(g.line, k)
			out.WriteByte(k)
		}
	}
	return out.String(), false
}

// enter is a whole line: a user's name, or a command.
func (g *guest) enter(line string, now time.Time) (text string, reboot bool) {
	if g.user == "" {
		if line == "" {
			return "", false
		}
		g.user = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
				return r
			}
			return -1
		}, line)
		return "Linux " + g.Host + " " + release + " aarch64\n", false
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "":
		return "", false
	case "reboot":
		return "Rebooting.\n", true
	case "exit", "logout":
		g.user = ""
		return "logout\n\n", false
	case "echo":
		return rest + "\n", false
	}
	if say, ok := g.commands()[line]; ok {
		return say(now), false
	}
	return "-bash: " + word + ": command not found\n", false
}

// commands are what the shell knows, by the whole line.
func (g *guest) commands() map[string]func(time.Time) string {
	dmesg := func(time.Time) string { return strings.Join(g.BootLog()[:16], "\n") + "\n" }
	addresses := func(time.Time) string { return g.addresses() }
	return map[string]func(time.Time) string{
		"hostname": func(time.Time) string { return g.Host + "\n" },
		"whoami":   func(time.Time) string { return g.user + "\n" },
		"uname -a": func(time.Time) string {
			return "Linux " + g.Host + " " + release + " #1 SMP PREEMPT Debian aarch64 GNU/Linux\n"
		},
		"uptime":                   g.uptime,
		"ip a":                     addresses,
		"ip addr":                  addresses,
		"dmesg":                    dmesg,
		"sudo dmesg":               dmesg,
		"cat /etc/root-generation": func(time.Time) string { return fmt.Sprintf("%d\n", g.Root) },
		"help": func(time.Time) string {
			return "cat /etc/root-generation, dmesg, echo, exit, hostname, ip addr, reboot, uname -a, uptime, whoami\n"
		},
	}
}

func (g *guest) uptime(now time.Time) string {
	up := now.Sub(g.Booted)
	return fmt.Sprintf(" %s up %d:%02d:%02d,  1 user,  load average: 0.08, 0.03, 0.01\n",
		now.UTC().Format("15:04:05"), int(up.Hours()), int(up.Minutes())%60, int(up.Seconds())%60)
}

func (g *guest) addresses() string {
	return fmt.Sprintf(`1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500
    link/ether %s brd ff:ff:ff:ff:ff:ff
    inet %s scope global eth0
3: eth0.50@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500
    inet6 %s/64 scope global
`, g.mac(), g.Addr, g.Public)
}
