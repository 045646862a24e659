package netboot_test

import (
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/netboot"
)

// A machine reads generated files before those of its own root, and both
// before the firmware that all machines share.
func ExampleOverlay() {
	generated := netboot.TextFS(map[string]string{"config.txt": "arm_64bit=1\n"})
	firmware := netboot.TextFS(map[string]string{"config.txt": "", "start4.elf": "firmware"})
	var boot fs.FS // root.Sub("boot"), where root is DirFS("/srv/roots/pi17"); a nil layer is passed over
	m := &netboot.Machine{Name: "pi17", Files: netboot.Overlay(generated, boot, firmware)}

	f, err := m.Open("5564247d/config.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Println(f.Name(), f.Size())

	_, err = m.Open("../pi18/config.txt")
	fmt.Println(err)
	// Output:
	// config.txt 12
	// netboot: open "../pi18/config.txt": name has ".." in it: file does not exist
}
