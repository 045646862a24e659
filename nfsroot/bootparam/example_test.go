package bootparam_test

import (
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

func Example() {
	server := netip.MustParseAddr("10.80.0.65")
	line, err := bootparam.Cmdline{
		Consoles: []string{"serial0,115200"},
		IP:       &bootparam.IP{Client: netip.MustParseAddr("10.80.0.66"), Netmask: 30, Hostname: "pi17", Device: "eth0"},
		NFSRoot:  &bootparam.NFSRoot{Server: server, Path: "/srv/pi17/root", Version: bootparam.V4_2},
	}.Text()
	fmt.Print(line, err)
	// Output:
	// console=serial0,115200 root=/dev/nfs nfsroot=10.80.0.65:/srv/pi17/root,vers=4.2 rw ip=10.80.0.66:::255.255.255.252:pi17:eth0:off
	// <nil>
}

// The kernel would take 255.0.0.0 for an address that begins with 10.
func ExampleIP_Text() {
	_, err := bootparam.IP{Client: netip.MustParseAddr("10.80.0.66")}.Text()
	fmt.Println(err)
	// Output: bootparam: ip: Netmask is missing, and the kernel would guess /8 for Client 10.80.0.66
}

func ExampleConfigTXT() {
	text, err := bootparam.ConfigTXT{
		{Settings: []bootparam.Setting{{Key: "arm_64bit", Value: "1"}, bootparam.Initramfs("initrd.img", bootparam.FollowKernel)}},
		{Filters: []string{"pi3"}, Settings: []bootparam.Setting{{Key: "kernel", Value: "kernel8.img"}}},
	}.Text()
	fmt.Print(text, err)
	// Output:
	// arm_64bit=1
	// initramfs initrd.img followkernel
	// [all]
	// [pi3]
	// kernel=kernel8.img
	// [all]
	// <nil>
}
