//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "nfsinit: is the /init of a Linux initramfs, and of nothing else")
	os.Exit(2)
}
