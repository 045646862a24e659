package watched_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/watched"
)

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	inventory := &watched.Inventory{
		Store:  newMemory(map[string]string{"machines/pi17": `{"mac":"b8:27:eb:64:24:7d","addr":"10.80.0.66/30"}`}),
		Prefix: "machines/",
		Parse: func(name string, val []byte) (r netboot.Reservation, err error) {
			var in struct{ MAC, Addr string }
			if err = json.Unmarshal(val, &in); err != nil {
				return r, err
			}
			if r.MAC, err = net.ParseMAC(in.MAC); err != nil {
				return r, err
			}
			r.Machine.Addr, err = netip.ParsePrefix(in.Addr)
			return r, err
		},
		Changed: cancel,
	}
	_ = inventory.Run(ctx)
	m, err := inventory.Lookup(context.Background(), netboot.Client{MAC: net.HardwareAddr{0xb8, 0x27, 0xeb, 0x64, 0x24, 0x7d}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Name, m.Addr)
	// Output: pi17 10.80.0.66/30
}
