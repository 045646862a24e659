package identity

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// bootInterface carries the root.
const bootInterface = "eth0"

// metric4 puts the public default route of IPv4 behind one that the kernel has
// for eth0, which has metric 0 and may lead to the server. IPv6 has 1024 anyhow.
const metric4 = 1024

func writeNetwork(root *os.Root, id Identity) error {
	ifupdown := exists(root, "usr/sbin/ifup") || exists(root, "sbin/ifup")
	networkd := exists(root, "usr/lib/systemd/systemd-networkd") || exists(root, "lib/systemd/systemd-networkd")
	network := id.Network
	if network == Auto {
		switch {
		case ifupdown:
			network = Ifupdown
		case networkd:
			network = Networkd
		case id.Public == nil:
			network = Unmanaged
		default:
			return errors.New("the tree has neither ifupdown nor systemd-networkd for the public interface")
		}
	}
	switch {
	case network == Ifupdown && !ifupdown, network == Networkd && !networkd:
		return fmt.Errorf("the tree has no %s", network)
	case network == Ifupdown:
		return writeIfupdown(root, id, networkd)
	case network == Networkd:
		return writeNetworkd(root, id)
	}
	return nil
}

func (p Public) device() string { return fmt.Sprintf("%s.%d", bootInterface, p.VLAN) }

func writeIfupdown(root *os.Root, id Identity, networkd bool) error {
	if err := writeText(root, "etc/network/interfaces", interfacesText(id.Public)); err != nil || !networkd {
		return err
	}
	return writeText(root, networkdBoot, "[Match]\nName="+bootInterface+"\n\n[Link]\nUnmanaged=yes\n")
}

// interfacesText is an interfaces(5). The VLAN is made by iproute2, whether or
// not the package vlan has scripts that make it as well.
func interfacesText(p *Public) string {
	var b strings.Builder
	b.WriteString("source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\n")
	b.WriteString("# The root is mounted through " + bootInterface + ": it is never brought up or down.\n")
	b.WriteString("no-auto-down " + bootInterface + "\niface " + bootInterface + " inet manual\n")
	if p == nil {
		return b.String()
	}
	dev := p.device()
	b.WriteString("\nauto " + dev + "\n")
	gateways := map[bool]netip.Addr{false: p.Gateway, true: p.Gateway4}
	for i, a := range p.Addrs {
		v4 := a.Addr().Is4()
		family := map[bool]string{false: "inet6", true: "inet"}[v4]
		fmt.Fprintf(&b, "iface %s %s static\n", dev, family)
		if i == 0 {
			fmt.Fprintf(&b, "\tpre-up ip link show dev %s >/dev/null 2>&1 || ip link add link %s name %s type vlan id %d\n", dev, bootInterface, dev, p.VLAN)
			if p.MTU != 0 {
				fmt.Fprintf(&b, "\tpre-up ip link set dev %s mtu %d\n", dev, p.MTU)
			}
		}
		fmt.Fprintf(&b, "\taddress %s\n", a)
		if g := gateways[v4]; g.IsValid() {
			fmt.Fprintf(&b, "\tgateway %s\n", g)
			if v4 {
				fmt.Fprintf(&b, "\tmetric %d\n", metric4)
			}
			delete(gateways, v4)
		}
		if !v4 {
			b.WriteString("\taccept_ra 0\n\tautoconf 0\n")
		}
	}
	return b.String()
}

// networkdBoot is the name that nfsroot.Fix writes too.
const (
	networkdBoot   = "etc/systemd/network/05-nfsroot-eth0.network"
	networkdDevice = "etc/systemd/network/05-nfsroot-public.netdev"
	networkdPublic = "etc/systemd/network/05-nfsroot-public.network"
)

func writeNetworkd(root *os.Root, id Identity) error {
	const unit = "systemd-networkd.service"
	err := errors.Join(
		writeText(root, networkdBoot, networkdBootText(id.Public)),
		tree.Symlink(root, "/usr/lib/systemd/system/"+unit, "etc/systemd/system/multi-user.target.wants/"+unit),
	)
	if err != nil {
		return err
	}
	if id.Public == nil {
		return errors.Join(remove(root, networkdDevice), remove(root, networkdPublic))
	}
	return errors.Join(
		writeText(root, networkdDevice, netdevText(*id.Public)),
		writeText(root, networkdPublic, networkdPublicText(*id.Public, id.DNS)),
	)
}

// networkdBootText has networkd keep what the kernel or the initramfs gave to
// eth0 (systemd.network(5)), also when the cable is out for a while.
func networkdBootText(p *Public) string {
	var b strings.Builder
	b.WriteString("[Match]\nName=" + bootInterface + "\n\n[Link]\nRequiredForOnline=no\n\n")
	b.WriteString("[Network]\nKeepConfiguration=yes\nIgnoreCarrierLoss=yes\nIPv6AcceptRA=no\n")
	if p != nil {
		b.WriteString("VLAN=" + p.device() + "\n")
	}
	return b.String()
}

func netdevText(p Public) string {
	text := "[NetDev]\nName=" + p.device() + "\nKind=vlan\n"
	if p.MTU != 0 {
		text += fmt.Sprintf("MTUBytes=%d\n", p.MTU)
	}
	return text + fmt.Sprintf("\n[VLAN]\nId=%d\n", p.VLAN)
}

func networkdPublicText(p Public, dns []netip.Addr) string {
	var b strings.Builder
	b.WriteString("[Match]\nName=" + p.device() + "\n\n[Network]\nIPv6AcceptRA=no\n")
	for _, a := range p.Addrs {
		b.WriteString("Address=" + a.String() + "\n")
	}
	if p.Gateway.IsValid() {
		b.WriteString("Gateway=" + p.Gateway.String() + "\n")
	}
	for _, addr := range dns {
		b.WriteString("DNS=" + addr.String() + "\n")
	}
	if p.Gateway4.IsValid() {
		fmt.Fprintf(&b, "\n[Route]\nGateway=%s\nMetric=%d\n", p.Gateway4, metric4)
	}
	return b.String()
}

func remove(root *os.Root, name string) error {
	err := root.Remove(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
