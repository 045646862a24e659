package boottree

import (
	"fmt"
	"maps"
	"slices"
)

// Model is a kind of Raspberry Pi that Debian's kernels run on.
type Model string

// The models, by the names of their boards.
const (
	Pi2     Model = "2B" // 32-bit only, and not from the network without a card with bootcode.bin
	Pi3     Model = "3B"
	Pi3Plus Model = "3B+"
	Pi3A    Model = "3A+"
	CM3     Model = "CM3"
	Zero2W  Model = "Zero 2 W" // has no wired network of its own
	Pi4     Model = "4B"
	Pi400   Model = "400"
	CM4     Model = "CM4"
	Pi5     Model = "5B" // kernels from 6.12 on
)

// board is what firmware wants to find for a model.
type board struct {
	dtb      string   // name of the device tree, that of the upstream kernel
	firmware []string // files of raspi-firmware; a Pi 5 has its own in its flash
}

var (
	firmware3 = []string{"bootcode.bin", "start.elf", "fixup.dat"}
	firmware4 = []string{"start4.elf", "fixup4.dat"} // the first stage is in flash
)

var boards = map[Model]board{
	Pi2:     {"bcm2836-rpi-2-b.dtb", firmware3},
	Pi3:     {"bcm2837-rpi-3-b.dtb", firmware3},
	Pi3Plus: {"bcm2837-rpi-3-b-plus.dtb", firmware3},
	Pi3A:    {"bcm2837-rpi-3-a-plus.dtb", firmware3},
	CM3:     {"bcm2837-rpi-cm3-io3.dtb", firmware3},
	Zero2W:  {"bcm2837-rpi-zero-2-w.dtb", firmware3},
	Pi4:     {"bcm2711-rpi-4-b.dtb", firmware4},
	Pi400:   {"bcm2711-rpi-400.dtb", firmware4},
	CM4:     {"bcm2711-rpi-cm4-io.dtb", firmware4},
	Pi5:     {"bcm2712-rpi-5-b.dtb", nil},
}

// Models are all models, sorted.
func Models() []Model { return slices.Sorted(maps.Keys(boards)) }

func checkModels(models []Model) error {
	for _, m := range models {
		if _, ok := boards[m]; !ok {
			return fmt.Errorf("model %q is not one of %q", string(m), Models())
		}
	}
	return nil
}
