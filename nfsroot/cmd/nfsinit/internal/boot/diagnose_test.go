package boot_test

import (
	"context"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

func TestDiagnoseDial(t *testing.T) {
	const nearby = "ip=10.0.0.17:10.0.0.1:10.0.0.254:255.255.255.0 nfsroot=/srv nfsinit.limit=5"
	const far = "ip=10.0.0.17:10.9.0.1:10.0.0.254:255.255.255.0 nfsroot=/srv nfsinit.limit=5"
	timeout := context.DeadlineExceeded
	for _, tt := range []struct {
		name, cmdline string
		arp           string // who answers
		err           error
		want          string
	}{
		{"no service", nearby, "10.0.0.1", errRefused, "NFS server 10.0.0.1 is up but nothing listens on TCP port 2049"},
		{"another port", nearby + " nfsroot=/srv,port=99", "10.0.0.1", errRefused, "TCP port 99"},
		{"switched off", nearby, "", timeout, "nobody answers ARP for 10.0.0.1 on eth0: is the server on, and in this network? timed out"},
		{"no host", nearby, "", syscall.EHOSTUNREACH, "nobody answers ARP for 10.0.0.1"},
		{"firewall", nearby, "10.0.0.1", timeout, "answers ARP but not TCP port 2049: is a firewall in between? timed out"},
		{"gateway off", far, "", timeout, "nobody answers ARP for 10.0.0.254 on eth0: is the gateway on?"},
		{"behind the gateway", far, "10.0.0.254", timeout, "the way to it is by gateway 10.0.0.254, which does"},
		{"no way", "ip=10.0.0.17:10.9.0.1::255.255.255.0 nfsroot=/srv nfsinit.limit=5", "", syscall.ENETUNREACH, "10.9.0.1 is not in this machine's network 10.0.0.0/24, and there is no gateway"},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			s := &system{dial: func(netip.AddrPort) error { return tt.err }, arp: make(map[netip.Addr]string)}
			if tt.arp != "" {
				s.arp[netip.MustParseAddr(tt.arp)] = "02:00:00:00:00:01"
			}
			_, said, err := run(t, tt.cmdline, s)
			require.ErrorIs(t, err, boot.ErrLimit)
			require.Contains(t, said, tt.want)
		})
	}
}

func TestDiagnoseMount(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{syscall.EACCES, "mount 10.0.0.1:/srv/pi17: the server refuses /srv/pi17 to 10.0.0.17: is it there, and exported to this address? (" + syscall.EACCES.Error() + ")"},
		{syscall.EPERM, "the server refuses /srv/pi17"},
		{syscall.ENOENT, "the server has no /srv/pi17, or does not show it to 10.0.0.17"},
		{syscall.ENOTDIR, "is not a folder on the server"},
		{syscall.EPROTONOSUPPORT, "the server does not speak NFS 3"},
		{syscall.ENODEV, "this kernel has no nfs: is its module in the initramfs?"},
		{syscall.EINVAL, `this kernel does not take the options "vers=3,proto=tcp,nolock,addr=10.0.0.1"`},
		{syscall.ECONNREFUSED, "not portmap (111) or MOUNT"},
		{syscall.ETIMEDOUT, "answers no NFS"},
		{syscall.EIO, "answers with an error"},
		{syscall.ESTALE, "was replaced on the server"},
		{syscall.EDOM, "mount 10.0.0.1:/srv/pi17 as nfs with "},
		{errUnknown, "something else"},
	} {
		bubble(t, tt.err.Error(), func(t *testing.T) {
			s := &system{mount: func(boot.Mount) error { return tt.err }}
			_, said, err := run(t, static+"nfsinit.limit=5", s)
			require.ErrorIs(t, err, boot.ErrLimit)
			require.Contains(t, said, tt.want)
		})
	}
}
