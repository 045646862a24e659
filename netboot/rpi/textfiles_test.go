package rpi_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

func TestConfigTXT(t *testing.T) {
	text, err := rpi.ConfigTXT{
		Settings: rpi.Settings{Arm64: true, EnableUART: true, Kernel: "vmlinuz", Initramfs: "initrd.img", Overlays: []string{"disable-bt"}},
		Sections: []rpi.Section{
			{Filter: "pi3", Settings: rpi.Settings{DeviceTree: "bcm2837-rpi-3-b.dtb", OSPrefix: "pi3/", Cmdline: "cmdline3.txt"}},
			{Filter: "0x5564247d", Settings: rpi.Settings{Params: []string{"audio=on"}, Extra: []string{"gpu_mem=16"}}},
		},
	}.Text()
	require.NoError(t, err)
	require.Equal(t, `arm_64bit=1
enable_uart=1
kernel=vmlinuz
initramfs initrd.img followkernel
dtoverlay=disable-bt
[pi3]
cmdline=cmdline3.txt
os_prefix=pi3/
device_tree=bcm2837-rpi-3-b.dtb
[0x5564247d]
dtparam=audio=on
gpu_mem=16
[all]
`, text)
	text, err = rpi.ConfigTXT{}.Text()
	require.NoError(t, err)
	require.Empty(t, text)
}

func TestConfigTXTRefuses(t *testing.T) {
	settings := func(s rpi.Settings) rpi.ConfigTXT { return rpi.ConfigTXT{Settings: s} }
	tests := []struct {
		name   string
		config rpi.ConfigTXT
		want   string
	}{
		{"newline", settings(rpi.Settings{Kernel: "a\ninclude evil.txt"}), `Kernel "a\ninclude evil.txt"`},
		{"carriage return", settings(rpi.Settings{Extra: []string{"a=b\rc=d"}}), "Extra"},
		{"NUL", settings(rpi.Settings{Overlays: []string{"x\x00"}}), "Overlays"},
		{"space in a file name", settings(rpi.Settings{Initramfs: "a b"}), "Initramfs"},
		{"longer than the firmware reads", settings(rpi.Settings{Params: []string{strings.Repeat("p", 91)}}), "99 bytes"},
		{"empty filter", rpi.ConfigTXT{Sections: []rpi.Section{{}}}, "Filter"},
		{"two filters", rpi.ConfigTXT{Sections: []rpi.Section{{Filter: "pi3]\n[all"}}}, "Filter"},
		{"in a section", rpi.ConfigTXT{Sections: []rpi.Section{{Filter: "pi3", Settings: rpi.Settings{Kernel: "a\nb"}}}}, "section [pi3]: Kernel"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.config.Text()
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestCmdlineTXT(t *testing.T) {
	tests := []struct {
		name string
		line rpi.CmdlineTXT
		want string
	}{
		{"zero value", rpi.CmdlineTXT{}, "root=/dev/nfs rw ip=dhcp\n"},
		{"device", rpi.CmdlineTXT{Device: "eth0", ReadOnly: true}, "root=/dev/nfs ro ip=:::::eth0:dhcp\n"},
		{"everything", rpi.CmdlineTXT{
			Consoles:  []string{"tty1", "serial0,115200"},
			NFSServer: netip.MustParseAddr("10.80.0.65"), NFSPath: "/srv/roots/pi17", NFSOptions: "vers=4.2,proto=tcp",
			Addr: netip.MustParsePrefix("10.80.0.66/30"), Gateway: netip.MustParseAddr("10.80.0.65"), Hostname: "pi17", Device: "eth0",
			Extra: []string{"rootwait"},
		}, "console=tty1 console=serial0,115200 root=/dev/nfs nfsroot=10.80.0.65:/srv/roots/pi17,vers=4.2,proto=tcp rw " +
			"ip=10.80.0.66:10.80.0.65:10.80.0.65:255.255.255.252:pi17:eth0:off rootwait\n"},
		{"whole internet", rpi.CmdlineTXT{Addr: netip.MustParsePrefix("10.0.0.1/0")}, "root=/dev/nfs rw ip=10.0.0.1:::0.0.0.0:::off\n"},
		{"host route", rpi.CmdlineTXT{Addr: netip.MustParsePrefix("10.0.0.1/32")}, "root=/dev/nfs rw ip=10.0.0.1:::255.255.255.255:::off\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := tt.line.Text()
			require.NoError(t, err)
			require.Equal(t, tt.want, text)
		})
	}
}

func TestCmdlineTXTRefuses(t *testing.T) {
	addr := netip.MustParsePrefix("10.0.0.1/24")
	tests := []struct {
		name string
		line rpi.CmdlineTXT
		want string
	}{
		{"space", rpi.CmdlineTXT{NFSPath: "/srv/a init=/bin/sh"}, `NFSPath "/srv/a init=/bin/sh" must not have ' '`},
		{"newline", rpi.CmdlineTXT{Consoles: []string{"tty1\ninit=/bin/sh"}}, "Consoles"},
		{"tab", rpi.CmdlineTXT{Extra: []string{"a\tb"}}, "Extra"},
		{"quote", rpi.CmdlineTXT{Extra: []string{`"a`}}, "Extra"},
		{"empty console", rpi.CmdlineTXT{Consoles: []string{""}}, "Consoles has an empty value"},
		{"comma adds an option", rpi.CmdlineTXT{NFSPath: "/srv/a,rw"}, "NFSPath"},
		{"substitution", rpi.CmdlineTXT{NFSPath: "/srv/%s"}, "NFSPath"},
		{"relative path", rpi.CmdlineTXT{NFSPath: "srv"}, "not absolute"},
		{"server without path", rpi.CmdlineTXT{NFSServer: addr.Addr()}, "need NFSPath"},
		{"options without path", rpi.CmdlineTXT{NFSOptions: "ro"}, "need NFSPath"},
		{"space in options", rpi.CmdlineTXT{NFSPath: "/a", NFSOptions: "ro x"}, "NFSOptions"},
		{"IPv6 server", rpi.CmdlineTXT{NFSPath: "/a", NFSServer: netip.MustParseAddr("fd00::1")}, "NFSServer"},
		{"IPv6 address", rpi.CmdlineTXT{Addr: netip.MustParsePrefix("fd00::2/64")}, "Addr"},
		{"IPv6 gateway", rpi.CmdlineTXT{Addr: addr, Gateway: netip.MustParseAddr("fd00::1")}, "Gateway"},
		{"gateway without address", rpi.CmdlineTXT{Gateway: addr.Addr()}, "need Addr"},
		{"hostname without address", rpi.CmdlineTXT{Hostname: "pi"}, "need Addr"},
		{"colon in hostname", rpi.CmdlineTXT{Addr: addr, Hostname: "pi:eth1"}, "Hostname"},
		{"colon in device", rpi.CmdlineTXT{Device: "eth0:off"}, "Device"},
		{"too long", rpi.CmdlineTXT{Extra: []string{strings.Repeat("x", 700)}}, "bytes are more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.line.Text()
			require.ErrorContains(t, err, tt.want)
		})
	}
}
