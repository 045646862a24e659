package rpi_test

import (
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

func ExampleCmdlineTXT() {
	text, err := rpi.CmdlineTXT{
		Consoles:  []string{"serial0,115200"},
		NFSServer: netip.MustParseAddr("10.80.0.65"),
		NFSPath:   "/srv/roots/pi17",
	}.Text()
	fmt.Print(text, err)
	// Output:
	// console=serial0,115200 root=/dev/nfs nfsroot=10.80.0.65:/srv/roots/pi17 rw ip=dhcp
	// <nil>
}

func ExampleConfigTXT() {
	_, err := rpi.ConfigTXT{Settings: rpi.Settings{Kernel: "vmlinuz\ngpu_mem=16"}}.Text()
	fmt.Println(err)
	// Output: rpi: config.txt: Kernel "vmlinuz\ngpu_mem=16" has a control character at byte 7
}
