package qbridge_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
)

// A plan's part for one switch, by SNMPv3.
func ExampleDial() {
	_ = func(ctx context.Context, config vlan.SwitchConfig, auth, priv qbridge.Secret) error {
		sw, err := qbridge.Dial(ctx, qbridge.Config{
			Addr: "sw1.example.net",
			Credentials: qbridge.Credentials{V3: qbridge.V3{
				User: "vlans", Auth: qbridge.SHA256, AuthPass: auth, Priv: qbridge.AES, PrivPass: priv,
			}},
		})
		if err != nil {
			return err
		}
		defer sw.Close()
		_, err = vlan.Apply(ctx, sw, config, vlan.ApplyOptions{})
		return err
	}
}

// Port 1 is the highest bit of the first octet, and the length stays as it was.
func ExampleParsePortList() {
	list, _ := qbridge.ParsePortList([]byte{0x80, 0x00, 0x01, 0x00}, qbridge.Bitmap)
	fmt.Println(list.Ports())
	fmt.Printf("% x\n", list.Without(24).With(2).Octets())
	// Output:
	// [1 24]
	// c0 00 00 00
}
