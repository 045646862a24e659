package boot_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

func params(t *testing.T, cmdline string) boot.Params {
	t.Helper()
	p, err := boot.ParseParams(cmdline)
	require.NoError(t, err)
	return p
}

func TestParseParams(t *testing.T) {
	p := params(t, "console=ttyS0 root=/dev/nfs rw panic=10 init=/bin/sh BOOTIF=01-B8-27-EB-01-02-03 "+
		"nfsinit.watchdog=15 nfsinit.limit=600 net.ifnames=0 sunrpc.tcp_slot=64 nfs-layout.a=1 \"nfs_layout.b=x y\" -- nfsinit.of=init\n")
	require.Equal(t, "/bin/sh", p.Init)
	require.Equal(t, net.HardwareAddr{0xb8, 0x27, 0xeb, 1, 2, 3}, p.MAC)
	require.Equal(t, 15*time.Second, p.Watchdog)
	require.Equal(t, 10*time.Minute, p.Limit)
	require.Equal(t, 10, p.Panic)
	require.False(t, p.ReadOnly)
	require.Equal(t, "tcp_slot=64", p.Modules["sunrpc"])
	require.Contains(t, p.Modules["nfs_layout"], "a=1 ")
	require.Equal(t, "ifnames=0", p.Modules["net"], "of no module that is loaded")

	p = params(t, "")
	require.Equal(t, "/sbin/init", p.Init)
	require.Nil(t, p.MAC)
	require.Zero(t, p.Watchdog)
	require.Zero(t, p.Limit)
	require.True(t, p.ReadOnly)

	require.Equal(t, net.HardwareAddr{2, 3, 4, 5, 6, 7}, params(t, "BOOTIF=02:03:04:05:06:07").MAC)
}

func TestParseParamsRefuses(t *testing.T) {
	for _, tt := range []struct{ cmdline, text string }{
		{"root=/dev/vda1", "root=/dev/vda1: nfsinit mounts root=/dev/nfs only"},
		{"root=UUID=1234", "nfsinit mounts"},
		{"init=bash", "not an absolute path"},
		{"ip=off", "without an address"},
		{"ip=10.0.0.1:nonsense", "nonsense"},
		{"nfsroot=fileserver:/srv", "fileserver"},
		{"nfsinit.watchdog=soon", "number of seconds"},
		{"nfsinit.watchdog=36000", "up to 3600"},
		{"nfsinit.limit=-1", "number of seconds"},
		{"nfsinit.wathcdog=5", "nfsinit.wathcdog=5: no such parameter"},
		{"BOOTIF=eth0", "not 01- and an Ethernet address"},
		{"BOOTIF=06-01-02-03-04-05-06", "not 01- and an Ethernet address"},
	} {
		t.Run(tt.cmdline, func(t *testing.T) {
			p, err := boot.ParseParams("panic=5 " + tt.cmdline)
			require.ErrorContains(t, err, tt.text)
			require.Equal(t, 5, p.Panic, "a machine that cannot boot starts again all the same")
		})
	}
}

func lease() boot.Lease {
	return boot.Lease{
		Device: "eth0", Proto: "dhcp", Addr: netip.MustParsePrefix("10.0.0.17/24"), Server: netip.MustParseAddr("10.0.0.1"),
	}
}

func TestMount(t *testing.T) {
	for _, tt := range []struct {
		name, cmdline, rootPath string
		want                    boot.Mount
	}{
		{
			"version 3 gets what a root needs", "rw nfsroot=10.0.0.2:/srv/pi,vers=3", "",
			boot.Mount{Source: "10.0.0.2:/srv/pi", Type: "nfs", Data: "vers=3,proto=tcp,nolock,addr=10.0.0.2", Version: bootparam.V3},
		},
		{
			"version 4.2", "ro nfsroot=/srv/pi,v4.2,hard,port=20049", "",
			boot.Mount{
				Source: "10.0.0.1:/srv/pi", Type: "nfs4", ReadOnly: true, Version: bootparam.V4_2, Port: 20049,
				Data: "vers=4.2,port=20049,hard,clientaddr=10.0.0.17,addr=10.0.0.1",
			},
		},
		{
			"no version is 3, as for the kernel", "rw nfsroot=/srv/%s", "",
			boot.Mount{Source: "10.0.0.1:/srv/pi17", Type: "nfs", Data: "vers=3,proto=tcp,nolock,addr=10.0.0.1", Version: bootparam.V3},
		},
		{
			"by UDP", "rw nfsroot=/srv,vers=3,udp", "",
			boot.Mount{Source: "10.0.0.1:/srv", Type: "nfs", Data: "vers=3,proto=udp,nolock,addr=10.0.0.1", Version: bootparam.V3, UDP: true},
		},
		{
			"all from root-path", "rw", "10.0.0.3:/dhcp/pi,vers=4.1",
			boot.Mount{Source: "10.0.0.3:/dhcp/pi", Type: "nfs4", Data: "vers=4.1,clientaddr=10.0.0.17,addr=10.0.0.3", Version: bootparam.V4_1},
		},
		{
			"the path from root-path, by options of nfsroot", "rw nfsroot=,vers=4.2", "10.0.0.3:/dhcp/pi,vers=3",
			boot.Mount{Source: "10.0.0.3:/dhcp/pi", Type: "nfs4", Data: "vers=4.2,clientaddr=10.0.0.17,addr=10.0.0.3", Version: bootparam.V4_2},
		},
		{
			"a root-path without server", "rw", "/dhcp/pi",
			boot.Mount{Source: "10.0.0.1:/dhcp/pi", Type: "nfs", Data: "vers=3,proto=tcp,nolock,addr=10.0.0.1", Version: bootparam.V3},
		},
		{
			"nfsroot counts more than root-path", "rw nfsroot=10.0.0.2:/srv/pi,vers=3", "10.0.0.3:/dhcp/pi",
			boot.Mount{Source: "10.0.0.2:/srv/pi", Type: "nfs", Data: "vers=3,proto=tcp,nolock,addr=10.0.0.2", Version: bootparam.V3},
		},
		{
			"nothing says where", "rw", "",
			boot.Mount{Source: "10.0.0.1:/tftpboot/pi17", Type: "nfs", Data: "vers=3,proto=tcp,nolock,addr=10.0.0.1", Version: bootparam.V3},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lease()
			l.Hostname, l.RootPath = "pi17", tt.rootPath
			got, err := params(t, tt.cmdline).Mount(l)
			require.NoError(t, err)
			require.Equal(t, got.Source, got.Server.String()+":"+got.Path)
			if tt.want.Port == 0 {
				tt.want.Port = 2049
			}
			tt.want.Server, tt.want.Path = got.Server, got.Path
			require.Equal(t, tt.want, got)
		})
	}
}

func TestMountRefuses(t *testing.T) {
	l := lease()
	l.RootPath = "fileserver:/srv"
	_, err := params(t, "").Mount(l)
	require.ErrorContains(t, err, "root-path that DHCP gives")

	l = lease()
	l.Server = netip.Addr{}
	_, err = params(t, "nfsroot=/srv").Mount(l)
	require.ErrorContains(t, err, "names the NFS server")
}

// The options that were parsed are not changed: Mount is asked again for each
// lease.
func TestMountTwice(t *testing.T) {
	p := params(t, "nfsroot=/srv,vers=4.2,hard,actimeo=3")
	one, err := p.Mount(lease())
	require.NoError(t, err)
	two, err := p.Mount(lease())
	require.NoError(t, err)
	require.Equal(t, one, two)
}

func TestConf(t *testing.T) {
	l := lease()
	l.Gateway = netip.MustParseAddr("10.0.0.254")
	l.DNS = []netip.Addr{netip.MustParseAddr("10.0.0.53")}
	l.Hostname, l.Domain = "pi'; reboot '", "rack.example"
	l.RootPath, l.Time = "/srv/$(reboot)`x`\"\n", time.Hour
	require.Equal(t, `DEVICE='eth0'
PROTO='dhcp'
IPV4ADDR='10.0.0.17'
IPV4BROADCAST='10.0.0.255'
IPV4NETMASK='255.255.255.0'
IPV4GATEWAY='10.0.0.254'
IPV4DNS0='10.0.0.53'
IPV4DNS1=''
HOSTNAME='pireboot'
DNSDOMAIN='rack.example'
ROOTSERVER='10.0.0.1'
ROOTPATH='/srv/rebootx'
UPTIME='7'
DHCPLEASETIME='3600'
`, l.Conf(7*time.Second))
	require.Equal(t, "search rack.example\nnameserver 10.0.0.53\n", l.Resolv())
	require.Empty(t, lease().Resolv())
}
