package initramfs

import (
	"fmt"
	"slices"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// Preset is a list of modules for a kind of machine. Kernels differ in what they
// have as a module, built in or not at all.
type Preset struct {
	// Required are modules that the kernel must have, as a file or built in.
	Required []string
	// Wanted are modules that are taken if the kernel has them, in the order to
	// load them.
	Wanted []string
}

// nfs mounts the root, by either version.
var nfs = []string{"nfsv3", "nfsv4"}

// Pi is for every Raspberry Pi that boots from the network, with Debian's
// kernels or Raspberry Pi's: the network of a Pi 3 and before (USB), 4 (genet)
// and 5 (macb behind PCIe and the RP1), their PHYs, NFS and the watchdog.
func Pi() Preset {
	return Preset{
		Required: slices.Clone(nfs),
		Wanted: []string{
			// USB of a Pi 3 and before
			"dwc2", "dwc_otg", "phy_generic",
			// Ethernet of a Pi 2 and 3B; of a 3B+; of QEMU's 3B and of USB adapters
			"smsc95xx", "lan78xx", "cdc_ether",
			// of a Pi 4 and CM4, by either name
			"genet", "bcmgenet",
			// of a Pi 5 and CM5
			"irq_bcm2712_mip", "pcie_brcmstb", "clk_rp1", "pinctrl_rp1", "rp1_pci", "rp1", "macb",
			// PHYs
			"broadcom", "microchip", "smsc",
			"bcm2835_wdt",
			"af_packet",
		},
	}
}

// Virt is for virtual machines with virtio, such as QEMU's, and its watchdog.
func Virt() Preset {
	return Preset{
		Required: append([]string{"virtio_net"}, nfs...),
		Wanted:   []string{"virtio_pci", "virtio_mmio", "i6300esb", "af_packet"},
	}
}

// Closure is what a kernel needs to load for the preset, in order.
func (p Preset) Closure(tree *kmod.Tree) ([]kmod.Module, error) {
	wanted := slices.DeleteFunc(slices.Clone(p.Wanted), func(name string) bool { return !tree.Has(name) })
	modules, err := tree.Closure(append(wanted, p.Required...)...)
	if err != nil {
		return nil, fmt.Errorf("initramfs: %w", err)
	}
	return modules, nil
}
