package bootparam_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// kernelWords splits a line as lib/cmdline.c describes it, byte by byte and
// without regard to what is where in it: an oracle for the parser.
func kernelWords(line string) []string {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\v\f")
		if line == "" {
			return words
		}
		quoted, open := line[0] == '"', line[0] == '"'
		if quoted {
			line = line[1:]
		}
		equals, end := 0, 0
		for ; end < len(line); end++ {
			c := line[end]
			if strings.IndexByte(" \t\v\f", c) >= 0 && !open {
				break
			}
			if equals == 0 && c == '=' {
				equals = end
			}
			if c == '"' {
				open = !open
			}
		}
		words = append(words, kernelWord(line[:end], equals, quoted))
		line = line[end:]
	}
}

// kernelWord takes the quotes off one word.
func kernelWord(text string, equals int, quoted bool) string {
	if equals == 0 {
		if quoted {
			text = strings.TrimSuffix(text, `"`)
		}
		return text
	}
	name, value := text[:equals], text[equals+1:]
	if strings.HasPrefix(value, `"`) {
		value = strings.TrimSuffix(value[1:], `"`)
	} else if quoted {
		value = strings.TrimSuffix(value, `"`)
	}
	// Written again, the kernel must read the same value.
	if strings.Contains(value, " ") || strings.HasPrefix(value, `"`) {
		value = `"` + value + `"`
	}
	return name + "=" + value
}

// The parser splits as the oracle does, whatever the line.
func FuzzQuotes(f *testing.F) {
	for _, line := range []string{`a="b c" "d=e f" g`, `"a b`, `a"b c"d`, `=x y`, `a=`, `"a="b c""`, `""`, `a=""`, "a\tb", `0=""0"`} {
		f.Add(line)
	}
	known := []string{"console", "root", "nfsroot", "ro", "rw", "ip", "nfsaddrs", "panic", "--"}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n\x00") {
			return
		}
		want := kernelWords(line)
		for _, w := range want {
			for _, k := range known {
				if name, _, _ := strings.Cut(w, "="); name == k {
					return // goes to a field
				}
			}
		}
		c, err := bootparam.ParseCmdline(line)
		require.NoError(t, err)
		require.Equal(t, want, c.Extra)
	})
}

// Lines of real systems, and what is in them.
func TestRealLines(t *testing.T) {
	tests := []struct {
		name, line string
		root       string
		readOnly   bool
		consoles   []string
		nfs, ip    string // as Text writes them
		extra      int
	}{
		{
			"Raspberry Pi OS", "console=serial0,115200 console=tty1 root=PARTUUID=6c586e13-02 rootfstype=ext4 fsck.repair=yes rootwait quiet\n",
			"PARTUUID=6c586e13-02", true, []string{"serial0,115200", "tty1"}, "", "", 4,
		},
		{
			"Debian's hook in a chroot", "console=tty0 root=/dev/vda rw fsck.repair=yes net.ifnames=0 cma=64M rootwait \n",
			"/dev/vda", false, []string{"tty0"}, "", "", 4,
		},
		{
			"what firmware adds", "coherent_pool=1M 8250.nr_uarts=1 snd_bcm2835.enable_hdmi=0 smsc95xx.macaddr=B8:27:EB:77:00:13 vc_mem.mem_base=0x3ec00000 " +
				"console=ttyS0,115200 root=/dev/nfs nfsroot=10.77.0.1:/srv/%s,v3,tcp,hard rw ip=:::::eth0:dhcp rootwait",
			"/dev/nfs", false, []string{"ttyS0,115200"}, "10.77.0.1:/srv/%s,vers=3,proto=tcp,hard", ":::::eth0:dhcp", 6,
		},
		{
			"PXE", "BOOT_IMAGE=vmlinuz initrd=initrd.img root=/dev/nfs nfsroot=/srv/x86,vers=4.1 ip=192.0.2.9:192.0.2.1:192.0.2.1:255.255.255.128:n9::off:192.0.2.2 ro",
			"/dev/nfs", true, nil, "/srv/x86,vers=4.1", "192.0.2.9:192.0.2.1:192.0.2.1:255.255.255.128:n9::off:192.0.2.2", 2,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := bootparam.ParseCmdline(tt.line)
			require.NoError(t, err)
			require.Equal(t, tt.root, c.Root)
			require.Equal(t, tt.readOnly, c.ReadOnly)
			require.Equal(t, tt.consoles, c.Consoles)
			require.Len(t, c.Extra, tt.extra)
			require.Equal(t, tt.nfs != "", c.NFSRoot != nil)
			require.Equal(t, tt.ip != "", c.IP != nil)
			if c.NFSRoot != nil {
				text, err := c.NFSRoot.Text()
				require.NoError(t, err)
				require.Equal(t, tt.nfs, text)
			}
			if c.IP != nil {
				text, err := c.IP.Text()
				require.NoError(t, err)
				require.Equal(t, tt.ip, text)
			}
		})
	}
}
