package realtest

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
)

// pc puts a guest for a PC, with the iPXE script that loads it, among the
// lab's files.
func (l *lab) pc() guest {
	l.t.Helper()
	g := newGuest(l.t, "linux-image-6.1.0-*-cloud-amd64:amd64", "amd64", "virtio_pci", "virtio_net")
	l.copy("vmlinuz", g.kernel)
	l.write("initrd.img", g.initrd)
	l.write("token", []byte(g.token))
	// An EFI kernel finds its RAM disk by the name in its command line.
	l.write("boot.ipxe", fmt.Appendf(nil, "#!ipxe\nkernel vmlinuz initrd=initrd.img %s\ninitrd initrd.img\nboot\n", g.args("ttyS0")))
	return g
}

// pcArgs is a PC with a serial port and one network card.
func pcArgs(card string, more ...string) []string {
	return append([]string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512", "-nodefaults", "-serial", "stdio",
		"-device", "virtio-net-pci,netdev=n0,mac=" + labMAC + card,
	}, more...)
}

// efi starts a PC with UEFI firmware, with or without some of its network
// protocols.
func (l *lab) efi(more ...string) *peer.Process {
	l.t.Helper()
	code := peer.DebFile(l.t, "ovmf", "usr/share/OVMF/OVMF_CODE_4M.fd")
	vars := filepath.Join(l.t.TempDir(), "vars.fd")
	data, err := os.ReadFile(peer.DebFile(l.t, "ovmf", "usr/share/OVMF/OVMF_VARS_4M.fd"))
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(vars, data, 0o644))
	args := pcArgs(",romfile=", "-machine", "q35", "-device", "virtio-rng-pci",
		"-drive", "if=pflash,format=raw,readonly=on,file="+code,
		"-drive", "if=pflash,format=raw,file="+vars)
	return l.qemu("qemu-system-x86_64", append(args, more...)...)
}

// noPXE has OVMF leave PXE out for one IP version.
func noPXE(version string) []string {
	return []string{"-fw_cfg", "name=opt/org.tianocore/IPv" + version + "PXESupport,string=n"}
}

// bootFiles are what every PC loads by TFTP once iPXE runs.
var bootFiles = []string{"boot.ipxe", "vmlinuz", "initrd.img", "token"}

func TestRealBIOS(t *testing.T) {
	t.Parallel()
	s := bootBIOS(t, serverConf{})
	require.Contains(t, s.Output(), `msg="ra answered"`, "iPXE asks for a router, and gets its answer")
}

func TestRealBIOSWithoutRA(t *testing.T) {
	t.Parallel()
	s := bootBIOS(t, serverConf{NoRA: true})
	require.NotContains(t, s.Output(), "ra answered")
}

// bootBIOS boots a PC by the iPXE in its network card.
func bootBIOS(t *testing.T, conf serverConf) server {
	t.Helper()
	l := newLab(t)
	g := l.pc()
	s := l.serve(conf)
	l.boots(l.qemu("qemu-system-x86_64", pcArgs("", "-boot", "n")...), g, 3*time.Minute)
	require.Subset(t, s.served(), bootFiles)
	require.Equal(t, "iPXE", s.first(t, netboot.Offered).Firmware)
	require.Equal(t, labMachine, s.first(t, netboot.OSLease).Addr)
	t.Logf("iPXE waited %s with its address", s.waited(t))
	return s
}

func TestRealUEFIPXE(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := l.pc()
	l.copy("snponly.efi", peer.DebFile(t, "ipxe", "usr/lib/ipxe/snponly.efi"))
	s := l.serve(serverConf{})
	l.boots(l.efi(noPXE("6")...), g, 4*time.Minute)
	require.Subset(t, s.served(), append([]string{"snponly.efi"}, bootFiles...))
	require.Equal(t, 4, s.request(t, "snponly.efi").Window, "OVMF asks for windows of four blocks")
	require.Equal(t, 1468, s.request(t, "snponly.efi").Block)
	require.Equal(t, "snponly.efi", s.first(t, netboot.FileProbed).File, "OVMF asks for the size first")
}

func TestRealUEFIHTTP(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := l.pc()
	l.copy("snponly.efi", peer.DebFile(t, "ipxe", "usr/lib/ipxe/snponly.efi"))
	s := l.serve(serverConf{HTTP: true})
	l.boots(l.efi(append(noPXE("4"), noPXE("6")...)...), g, 4*time.Minute)
	require.Subset(t, s.served(), append([]string{"snponly.efi"}, bootFiles...))
	require.Equal(t, "UEFI HTTP", s.first(t, netboot.Offered).Firmware)
	require.Len(t, s.find("request"), 1, "only the token is fetched by TFTP")
}

// Another server gives the addresses, ours what to boot.
func TestRealProxyUEFI(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := l.pc()
	l.copy("snponly.efi", peer.DebFile(t, "ipxe", "usr/lib/ipxe/snponly.efi"))
	other := l.neighbor()
	other.AddAddr("c0", netip.MustParsePrefix("10.78.0.9/24"))
	peer.Start(t, other.Command(peer.Look(t, "dnsmasq"), "-k", "-C", "/dev/null", "--user=root", "--port=0",
		"--interface=c0", "--bind-interfaces", "--no-ping", "--dhcp-range=10.78.0.0,static", "--dhcp-host="+labMAC+","+labMachine,
		"--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"), "--pid-file=", "--log-facility=-"),
		peer.Options{ReadyOutput: regexp.MustCompile(`DHCP, static leases`)})
	s := l.serve(serverConf{ProxyOnly: true})
	l.boots(l.efi(noPXE("6")...), g, 4*time.Minute)
	require.Subset(t, s.served(), append([]string{"snponly.efi"}, bootFiles...))
	require.Empty(t, s.find(netboot.Leased.String()), "a proxy gives no address")
}

// byInterface is the lab's machine to DHCPv6: OVMF goes by a DUID without a
// hardware address.
func byInterface() machineConf {
	return machineConf{
		Name: "m1", Interface: labBridge,
		Addr: netip.MustParsePrefix(labMachine + "/24"), Addr6: netip.MustParsePrefix(labMachine6 + "/64"),
	}
}

// OVMF loads iPXE over IPv6, with an address from DHCPv6.
func TestRealUEFIPXEv6(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := l.pc()
	l.copy("snponly.efi", peer.DebFile(t, "ipxe", "usr/lib/ipxe/snponly.efi"))
	s := l.serve(serverConf{IPv6: true, Machines: []machineConf{byInterface()}})
	l.boots(l.efi(noPXE("4")...), g, 4*time.Minute)
	first := s.first(t, netboot.FileServed)
	require.Equal(t, "snponly.efi", first.File)
	require.Equal(t, labMachine6, first.Addr)
	require.Equal(t, 4, s.request(t, "snponly.efi").Window)
	require.Equal(t, "UEFI PXE", s.first(t, netboot.Leased).Firmware)
	require.Equal(t, labMachine6, s.first(t, netboot.Leased).Addr)
}

// OVMF goes on to IPv6 when the server that IPv4 names does not answer.
func TestRealUEFIHTTPv6(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := l.pc()
	l.copy("snponly.efi", peer.DebFile(t, "ipxe", "usr/lib/ipxe/snponly.efi"))
	s := l.serve(serverConf{IPv6: true, HTTP6: true, Machines: []machineConf{byInterface()}})
	l.boots(l.efi(append(noPXE("4"), noPXE("6")...)...), g, 4*time.Minute)
	first := s.first(t, netboot.FileServed)
	require.Equal(t, "snponly.efi", strings.TrimPrefix(first.File, "/"))
	require.Equal(t, labMachine6, first.Addr)
	require.Equal(t, "UEFI HTTP", s.first(t, netboot.Leased).Firmware)
}
