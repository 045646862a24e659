package bootparam_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

func TestCmdline(t *testing.T) {
	tests := []struct {
		name string
		line bootparam.Cmdline
		want string
	}{
		{"zero value", bootparam.Cmdline{}, "root=/dev/nfs rw ip=dhcp\n"},
		{"everything", bootparam.Cmdline{
			Consoles: []string{"tty1", "serial0,115200"},
			NFSRoot:  &bootparam.NFSRoot{Server: addr("10.80.0.65"), Path: "/srv/pi17/root", Version: bootparam.V4_2},
			IP:       &bootparam.IP{Client: addr("10.80.0.66"), Netmask: 30, Hostname: "pi17", Device: "eth0"},
			ReadOnly: true, Panic: 10,
			Extra: []string{"net.ifnames=0", `dyndbg="file nfsroot.c +p"`, "--", "ip=x"},
		}, "console=tty1 console=serial0,115200 root=/dev/nfs nfsroot=10.80.0.65:/srv/pi17/root,vers=4.2 ro " +
			`ip=10.80.0.66:::255.255.255.252:pi17:eth0:off panic=10 net.ifnames=0 dyndbg="file nfsroot.c +p" -- ip=x` + "\n"},
		{"root on a disk", bootparam.Cmdline{Root: "/dev/mmcblk0p2", Panic: -1}, "root=/dev/mmcblk0p2 rw ip=dhcp panic=-1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := tt.line.Text()
			require.NoError(t, err)
			require.Equal(t, tt.want, text)
			back, err := bootparam.ParseCmdline(text)
			require.NoError(t, err)
			require.Equal(t, tt.line.Extra, back.Extra)
			again, err := back.Text()
			require.NoError(t, err)
			require.Equal(t, text, again)
		})
	}
}

func TestCmdlineRefuses(t *testing.T) {
	extra := func(v string) bootparam.Cmdline { return bootparam.Cmdline{Extra: []string{v}} }
	tests := []struct {
		name string
		line bootparam.Cmdline
		want string
	}{
		{"newline", bootparam.Cmdline{Consoles: []string{"tty1\ninit=/bin/sh"}}, `Consoles "tty1\ninit=/bin/sh"`},
		{"empty console", bootparam.Cmdline{Consoles: []string{""}}, "Consoles has an empty value"},
		{"space in a root", bootparam.Cmdline{Root: "/dev/sda1 init=/bin/sh"}, "Root"},
		{"root that is not on NFS", bootparam.Cmdline{Root: "/dev/vda", NFSRoot: &bootparam.NFSRoot{Path: "/a"}}, `not "/dev/vda"`},
		{"in ip", bootparam.Cmdline{IP: &bootparam.IP{Device: "a b"}}, "Device"},
		{"in nfsroot", bootparam.Cmdline{NFSRoot: &bootparam.NFSRoot{Path: "a"}}, "Path"},
		{"tab", extra("a\tb"), "Extra"},
		{"space", extra("a=b init=/bin/sh"), "Extra"},
		{"quote", extra(`"a`), "Extra"},
		{"quotes that end early", extra(`a="b" init="/bin/sh"`), "Extra"},
		{"quotes around the name", extra(`"a b=c"`), "Extra"},
		{"newline in quotes", extra("a=\"b\nc\""), "Extra"},
		{"typed", extra("root=/dev/vda"), `Extra has "root=/dev/vda", which has a field of its own`},
		{"typed flag", extra("rw"), "field of its own"},
		{"empty", extra(""), "Extra has an empty value"},
		{"too long", extra(strings.Repeat("x", 700)), "bytes are more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.line.Text()
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestParseCmdline(t *testing.T) {
	c, err := bootparam.ParseCmdline("  coherent_pool=1M 8250.nr_uarts=1\tconsole=ttyS1,115200 console=tty1 quiet rw root=/dev/nfs " +
		"nfsroot=10.77.0.1:/srv/%s,vers=3 ip=10.77.0.13:::255.255.255.0:pi3:eth0:off panic=10 cma=64M -- single\n")
	require.NoError(t, err)
	require.Equal(t, bootparam.Cmdline{
		Consoles: []string{"ttyS1,115200", "tty1"}, Root: "/dev/nfs", Panic: 10,
		NFSRoot: &bootparam.NFSRoot{Server: addr("10.77.0.1"), Path: "/srv/%s", Version: bootparam.V3},
		IP:      &bootparam.IP{Client: addr("10.77.0.13"), Netmask: 24, Hostname: "pi3", Device: "eth0", Autoconf: bootparam.Off},
		Extra:   []string{"coherent_pool=1M", "8250.nr_uarts=1", "quiet", "cma=64M", "--", "single"},
	}, c)

	c, err = bootparam.ParseCmdline("")
	require.NoError(t, err)
	require.Equal(t, bootparam.Cmdline{ReadOnly: true}, c, "without rw a root is read-only")
}

// The words are what kernel/params.c's next_arg makes of them.
func TestParseQuotes(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{`a="b c" d`, []string{`a="b c"`, "d"}},
		{`"a=b c" d`, []string{`a="b c"`, "d"}},
		{`a="b"`, []string{"a=b"}},
		{`"quiet"`, []string{"quiet"}},
		{`a=b" "c d`, []string{`a="b" "c"`, "d"}},
		{`a="b c`, []string{`a="b c"`}},
		{`=b c`, []string{"=b", "c"}},
		{`a= b`, []string{"a=", "b"}},
		{`a=b=c`, []string{"a=b=c"}},
	}
	for _, tt := range tests {
		c, err := bootparam.ParseCmdline(tt.line)
		require.NoError(t, err, tt.line)
		require.Equal(t, tt.want, c.Extra, tt.line)
	}
	c, err := bootparam.ParseCmdline(`"nfsroot=/srv/a" root="/dev/nfs" "rw"`)
	require.NoError(t, err)
	require.Equal(t, bootparam.Cmdline{Root: "/dev/nfs", NFSRoot: &bootparam.NFSRoot{Path: "/srv/a"}}, c)
}

func TestParseCmdlineRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"root=/dev/nfs\nrw":      "a second line at byte 13",
		"quiet ip=10.0.0":        `ip="10.0.0": Client`,
		`nfsroot="/srv/a b"`:     "Path",
		"panic=soon":             `panic="soon"`,
		"nfsroot=/srv/a,rsize=x": "ReadSize",
	} {
		_, err := bootparam.ParseCmdline(line)
		require.ErrorContains(t, err, want, line)
	}
}
