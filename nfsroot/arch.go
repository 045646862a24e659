package nfsroot

import (
	"fmt"
	"slices"
)

// Arch is a Debian architecture.
type Arch string

// The architectures of Raspberry Pis, and of the servers beside them.
const (
	AMD64 Arch = "amd64"
	ARM64 Arch = "arm64"
	ARMHF Arch = "armhf" // 32-bit, ARMv7: a Pi 2 or later
)

var arches = []Arch{AMD64, ARM64, ARMHF}

// Validate returns an error that names an architecture that is not one of this
// package's.
func (a Arch) Validate() error {
	if !slices.Contains(arches, a) {
		return fmt.Errorf("architecture %q is not one of %v", string(a), arches)
	}
	return nil
}

// GOARCH is what Go calls the architecture.
func (a Arch) GOARCH() string {
	if a == ARMHF {
		return "arm"
	}
	return string(a)
}
