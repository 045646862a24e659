// Package realtest boots real machines, which QEMU emulates, the way a rack
// boots them: the program nfsroot builds the root and what is loaded before it,
// netbootd answers DHCP and TFTP, an NFS server serves the root, and the test
// ends at an ssh prompt.
package realtest
