// Package boot is what the program nfsinit does, without how: it turns a kernel
// command line into [Params], brings a machine from its first network interface
// to a mounted root ([Machine.Run]), and says in plain words what keeps it from
// getting there. What only the kernel can do is behind [System], so all of it
// runs in tests on any operating system.
package boot
