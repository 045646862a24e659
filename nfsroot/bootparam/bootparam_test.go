package bootparam_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

var addr = netip.MustParseAddr

func TestVersion(t *testing.T) {
	for text, want := range map[string]bootparam.Version{
		"3": bootparam.V3, "4": bootparam.V4_0, "4.0": bootparam.V4_0, "4.1": bootparam.V4_1, "4.2": bootparam.V4_2,
	} {
		v, err := bootparam.ParseVersion(text)
		require.NoError(t, err)
		require.Equal(t, want, v)
		require.Equal(t, int(text[0]-'0'), v.Major())
	}
	for _, text := range []string{"", "2", "5", "4.3", "3.0", "Version(0)"} {
		_, err := bootparam.ParseVersion(text)
		require.ErrorContains(t, err, `"`+text+`"`)
	}
	require.Equal(t, "4.2", bootparam.V4_2.String())
	require.Equal(t, "", bootparam.Version(0).String())
	require.Equal(t, "Version(9)", bootparam.Version(9).String())
	require.Zero(t, bootparam.Version(9).Major())
}

func TestIP(t *testing.T) {
	server := addr("10.80.0.65")
	tests := []struct {
		name string
		ip   bootparam.IP
		want string
	}{
		{"zero value", bootparam.IP{}, "dhcp"},
		{"protocol", bootparam.IP{Autoconf: bootparam.Both}, "both"},
		{"none", bootparam.IP{Autoconf: bootparam.Off}, "off"},
		{"client identifier", bootparam.IP{ClientID: "0,pi17"}, "dhcp,0,pi17"},
		{"device", bootparam.IP{Device: "eth0"}, ":::::eth0:dhcp"},
		{"static", bootparam.IP{Client: addr("10.80.0.66"), Netmask: 30}, "10.80.0.66:::255.255.255.252:::off"},
		{
			"everything",
			bootparam.IP{
				Client: addr("10.80.0.66"), Server: server, Gateway: server, Netmask: 24, Hostname: "pi17.example", Device: "eth0",
				Autoconf: bootparam.Any, DNS: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}, NTP: addr("192.0.2.3"),
			},
			"10.80.0.66:10.80.0.65:10.80.0.65:255.255.255.0:pi17.example:eth0:any:192.0.2.1:192.0.2.2:192.0.2.3",
		},
		{
			"one resolver", bootparam.IP{Client: addr("10.0.0.2"), Netmask: 8, DNS: []netip.Addr{addr("192.0.2.1")}},
			"10.0.0.2:::255.0.0.0:::off:192.0.2.1",
		},
		{"only a clock", bootparam.IP{NTP: addr("192.0.2.3")}, "::::::dhcp:::192.0.2.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := tt.ip.Text()
			require.NoError(t, err)
			require.Equal(t, tt.want, text)
			back, err := bootparam.ParseIP(text)
			require.NoError(t, err)
			again, err := back.Text()
			require.NoError(t, err)
			require.Equal(t, text, again)
		})
	}
}

func TestIPRefuses(t *testing.T) {
	client := addr("10.80.0.66")
	static := func(change func(*bootparam.IP)) bootparam.IP {
		ip := bootparam.IP{Client: client, Netmask: 24}
		change(&ip)
		return ip
	}
	tests := []struct {
		name string
		ip   bootparam.IP
		want string
	}{
		{"no netmask", bootparam.IP{Client: client}, "Netmask is missing, and the kernel would guess /8 for Client 10.80.0.66"},
		{"netmask that means none", bootparam.IP{Client: addr("192.0.2.1"), Netmask: 32}, "would guess /24"},
		{"netmask of 33 bits", static(func(p *bootparam.IP) { p.Netmask = 33 }), "Netmask 33"},
		{"negative netmask", static(func(p *bootparam.IP) { p.Netmask = -1 }), "Netmask -1"},
		{"IPv6", static(func(p *bootparam.IP) { p.Client = addr("fd00::1") }), "Client fd00::1 is not an IPv4 address"},
		{"mapped", static(func(p *bootparam.IP) { p.Server = addr("::ffff:10.0.0.1") }), "Server"},
		{"address that means none", static(func(p *bootparam.IP) { p.NTP = addr("0.0.0.0") }), "NTP 0.0.0.0"},
		{"gateway elsewhere", static(func(p *bootparam.IP) { p.Gateway = addr("10.81.0.1") }), "Gateway 10.81.0.1 is not in Client's network 10.80.0.0/24"},
		{"colon in a hostname", static(func(p *bootparam.IP) { p.Hostname = "pi:eth1" }), `Hostname "pi:eth1" must not have ':'`},
		{"space in a hostname", static(func(p *bootparam.IP) { p.Hostname = "pi init=/bin/sh" }), "Hostname"},
		{"long hostname", static(func(p *bootparam.IP) { p.Hostname = strings.Repeat("x", 65) }), "has 65 bytes"},
		{"colon in a device", bootparam.IP{Device: "eth0:off"}, "Device"},
		{"newline in a device", bootparam.IP{Device: "eth0\nx"}, "control character"},
		{"quote in a device", bootparam.IP{Device: `e"`}, "Device"},
		{"long device", bootparam.IP{Device: "sixteen-letters-"}, "not the name of a network interface"},
		{"unknown protocol", bootparam.IP{Autoconf: "dhcp6"}, `Autoconf "dhcp6"`},
		{"off without an address", bootparam.IP{Autoconf: bootparam.Off, Device: "eth0"}, "without a Client"},
		{"three resolvers", static(func(p *bootparam.IP) { p.DNS = []netip.Addr{client, client, client} }), "DNS has 3"},
		{"hole in resolvers", static(func(p *bootparam.IP) { p.DNS = make([]netip.Addr, 1) }), "DNS"},
		{"IPv6 resolver", static(func(p *bootparam.IP) { p.DNS = []netip.Addr{addr("fd00::1")} }), "DNS fd00::1"},
		{"identifier beside an address", static(func(p *bootparam.IP) { p.ClientID = "0,x" }), "ClientID"},
		{"identifier without a type", bootparam.IP{ClientID: "pi17"}, "TYPE,VALUE"},
		{"space in an identifier", bootparam.IP{ClientID: "0,a b"}, "ClientID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.ip.Text()
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestParseIP(t *testing.T) {
	static := bootparam.IP{Client: addr("10.77.0.11"), Gateway: addr("10.77.0.1"), Netmask: 24, Hostname: "pi1", Device: "eth0", Autoconf: bootparam.Off}
	tests := []struct {
		text string
		want bootparam.IP
	}{
		{"", bootparam.IP{Autoconf: bootparam.Off}},
		{"none", bootparam.IP{Autoconf: bootparam.Off}},
		{"on", bootparam.IP{Autoconf: bootparam.Any}},
		{"dhcp", bootparam.IP{Autoconf: bootparam.DHCP}},
		{"dhcp,1,ab", bootparam.IP{Autoconf: bootparam.DHCP, ClientID: "1,ab"}},
		{"eth0", bootparam.IP{Device: "eth0", Autoconf: bootparam.Any}},
		{":::::eth0", bootparam.IP{Device: "eth0", Autoconf: bootparam.Any}},
		{"10.77.0.11::10.77.0.1:255.255.255.0:pi1:eth0:none", static},
		{"10.77.0.11:0.0.0.0:10.77.0.1:255.255.255.0:pi1:eth0:off:::", static},
		{"10.0.0.1", bootparam.IP{Client: addr("10.0.0.1"), Autoconf: bootparam.Any}},
		{"10.0.0.1:::255.255.255.255", bootparam.IP{Client: addr("10.0.0.1"), Netmask: 32, Autoconf: bootparam.Any}},
		{"::::::dhcp::192.0.2.9", bootparam.IP{Autoconf: bootparam.DHCP, DNS: []netip.Addr{addr("192.0.2.9")}}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			ip, err := bootparam.ParseIP(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, ip)
		})
	}
}

func TestParseIPRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0":                            `Client "10.0.0"`,
		"300.1.1.1::":                       `Client "300.1.1.1"`,
		":fd00:1":                           `Server "fd00"`,
		"10.0.0.1:::255.0.255.0":            "gaps",
		"10.0.0.1:::24":                     `Netmask "24"`,
		"::::a b":                           "Hostname",
		":::::a/b":                          "Device",
		"::::::dhcp6":                       "Autoconf",
		":::::::x":                          `DNS "x"`,
		":::::::::x":                        `NTP "x"`,
		"1.1.1.1:::::::::::":                "fields are more than ten",
		"dhcp,300,x":                        "ClientID",
		"a-name-longer-than-an-interface's": "Device",
	} {
		_, err := bootparam.ParseIP(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3:::255.255.255.0":      "10.1.2.3/24",
		"10.1.2.3::":                    "10.1.2.3/8",
		"172.16.0.1::":                  "172.16.0.1/16",
		"192.0.2.1:::255.255.255.255":   "192.0.2.1/24",
		"240.0.0.1:::":                  "invalid Prefix",
		"dhcp":                          "invalid Prefix",
		"192.0.2.1:::255.255.255.252::": "192.0.2.1/30",
	} {
		ip, err := bootparam.ParseIP(text)
		require.NoError(t, err)
		require.Equal(t, want, ip.Prefix().String(), text)
	}
}

func TestNFSRoot(t *testing.T) {
	tests := []struct {
		name string
		root bootparam.NFSRoot
		want string
	}{
		{"zero value", bootparam.NFSRoot{}, ""},
		{"path", bootparam.NFSRoot{Path: "/srv/pi17/root"}, "/srv/pi17/root"},
		{"name of the machine", bootparam.NFSRoot{Path: "/srv/%s/root"}, "/srv/%s/root"},
		{"only options", bootparam.NFSRoot{Version: bootparam.V3, Transport: bootparam.TCP}, ",vers=3,proto=tcp"},
		{"only a server", bootparam.NFSRoot{Server: addr("10.0.0.1")}, "10.0.0.1:"},
		{
			"everything",
			bootparam.NFSRoot{
				Server: addr("10.0.0.1"), Path: "/srv/a:b", Version: bootparam.V3, Transport: bootparam.TCP, NoLock: true,
				ReadSize: 1 << 20, WriteSize: 65536, Port: 2049, MountPort: 20048, Options: []string{"hard", "actimeo=3"},
			},
			"10.0.0.1:/srv/a:b,vers=3,proto=tcp,nolock,rsize=1048576,wsize=65536,port=2049,mountport=20048,hard,actimeo=3",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := tt.root.Text()
			require.NoError(t, err)
			require.Equal(t, tt.want, text)
			back, err := bootparam.ParseNFSRoot(text)
			require.NoError(t, err)
			require.Equal(t, tt.root, back)
		})
	}
}

func TestNFSRootRefuses(t *testing.T) {
	path := func(p string) bootparam.NFSRoot { return bootparam.NFSRoot{Path: p} }
	option := func(o string) bootparam.NFSRoot { return bootparam.NFSRoot{Path: "/a", Options: []string{o}} }
	tests := []struct {
		name string
		root bootparam.NFSRoot
		want string
	}{
		{"space", path("/srv/a init=/bin/sh"), `Path "/srv/a init=/bin/sh" must not have ' '`},
		{"comma adds an option", path("/srv/a,suid"), `Path "/srv/a,suid" must not have ','`},
		{"newline", path("/srv/a\nb"), "control character"},
		{"NUL", path("/srv/a\x00"), "control character"},
		{"quote", path(`/srv/"a`), "Path"},
		{"relative", path("srv/a"), "not absolute"},
		{"percent", path("/srv/%d"), "one %s"},
		{"two names", path("/srv/%s/%s"), "one %s"},
		{"long path", path("/" + strings.Repeat("x", 255)), "256 bytes, and the kernel keeps 255"},
		{"IPv6", bootparam.NFSRoot{Server: addr("fd00::1"), Path: "/a"}, "Server fd00::1"},
		{"unspecified", bootparam.NFSRoot{Server: addr("0.0.0.0"), Path: "/a"}, "Server 0.0.0.0"},
		{"version", bootparam.NFSRoot{Version: 9}, "Version(9)"},
		{"transport", bootparam.NFSRoot{Transport: "rdma"}, `Transport "rdma"`},
		{"version 4 by UDP", bootparam.NFSRoot{Version: bootparam.V4_2, Transport: bootparam.UDP}, "does not carry version 4.2"},
		{"negative rsize", bootparam.NFSRoot{ReadSize: -1}, "ReadSize -1"},
		{"negative wsize", bootparam.NFSRoot{WriteSize: -1}, "WriteSize -1"},
		{"two options in one", option("hard,suid"), "Options"},
		{"space in an option", option("hard x"), "Options"},
		{"empty option", option(""), "Options has an empty value"},
		{"typed option", option("vers=3"), `Options has "vers=3", which has a field of its own`},
		{"typed option of the old kind", option("udp"), "field of its own"},
		{"many options", option(strings.Repeat("x", 240)), "the kernel has room for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.root.Text()
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestParseNFSRoot(t *testing.T) {
	tests := []struct {
		text string
		want bootparam.NFSRoot
	}{
		{"10.0.0.1", bootparam.NFSRoot{Server: addr("10.0.0.1")}},
		{"10.0.0.1:default,v3", bootparam.NFSRoot{Server: addr("10.0.0.1"), Version: bootparam.V3}},
		{"pi17", bootparam.NFSRoot{Path: "/tftpboot/pi17"}},
		{"/a,,nfsvers=4,tcp", bootparam.NFSRoot{Path: "/a", Version: bootparam.V4_0, Transport: bootparam.TCP}},
		{"/a,vers=3,vers=4.1,nolock,lock,udp,tcp", bootparam.NFSRoot{Path: "/a", Version: bootparam.V4_1, Transport: bootparam.TCP}},
		{"/a,soft,rsize=1024,fsc", bootparam.NFSRoot{Path: "/a", ReadSize: 1024, Options: []string{"soft", "fsc"}}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			root, err := bootparam.ParseNFSRoot(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, root)
		})
	}
	for text, want := range map[string]string{
		"nas:/srv":          `Server "nas"`,
		"10.0.0.1:srv":      "not absolute",
		"/a,vers=2":         `version "2"`,
		"/a,rsize=big":      `ReadSize "big"`,
		"/a,wsize=-1":       `WriteSize "-1"`,
		"/a,port=70000":     `Port "70000"`,
		"/a,mountport=":     "MountPort",
		"/a,proto=rdma":     `Transport "rdma"`,
		"/a,v4.2,udp":       "does not carry",
		"/a b":              "Path",
		"/a\n":              "Path",
		"/a,opt=\"x":        "Options",
		"[fd00::1]:/srv/pi": "Server",
	} {
		_, err := bootparam.ParseNFSRoot(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestDir(t *testing.T) {
	root := bootparam.NFSRoot{Path: "/srv/%s/root"}
	require.Equal(t, "/srv/pi17/root", root.Dir(addr("10.0.0.2"), "pi17"))
	require.Equal(t, "/srv/10.0.0.2/root", root.Dir(addr("10.0.0.2"), ""))
}
