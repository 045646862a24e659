// Command nfsinit is the /init of an initramfs that mounts a root over NFS and
// becomes the system in it. Package initramfs compiles it and packs it together
// with the modules that it loads.
//
// In order, it mounts /proc, /sys, /dev and /run; loads the modules of
// /modules.list; waits for the network interface; takes the address from ip= or
// from DHCP; waits until the NFS server answers; mounts the root by version 3 or
// 4; leaves what DHCP said in /run/net-DEVICE.conf (as klibc's ipconfig does) and
// /run/nfsinit/resolv.conf; deletes the initramfs; and runs init=, or /sbin/init,
// with the arguments and the environment that the kernel gave.
//
// Until there is a root it tries again for ever, ever less often but at least
// twice a minute, and says on the console and in the kernel's log what is wrong:
// no interface, no carrier, no DHCP server, a server that does not answer ARP,
// that has no NFS service, that refuses, that lacks the folder or the version, or
// a root without an init. It acts on what changes meanwhile, a cable as well as an
// export or a lease.
//
// # Kernel parameters
//
//	root=/dev/nfs         the only root there is; the default
//	nfsroot=[SERVER:]DIR[,OPTIONS]
//	                      as in the kernel's nfsroot.rst, see package bootparam.
//	                      %s is the host name. What is missing comes from ip= or
//	                      DHCP (root-path, next server). Without vers= it is 3;
//	                      version 3 is always nolock, and by TCP unless proto=udp
//	ip=...                as in nfsroot.rst; without it, or without an address in
//	                      it, DHCP is asked, whatever protocol it names
//	BOOTIF=01-MAC         the interface to boot from, whatever its name; as
//	                      PXE loaders write it
//	ro, rw                how to mount; ro if neither is there
//	init=PROGRAM          what to run in the root; /sbin/init
//	panic=SECONDS         when to start again after what cannot be tried again:
//	                      wrong parameters; never if it is 0 or missing
//	MODULE.PARAM=VALUE    parameters of modules, as modprobe takes them
//	nfsinit.limit=SECONDS start again if there is no root by then; for ever if 0
//	                      or missing
//	nfsinit.watchdog=SECONDS
//	                      start the hardware watchdog with this timeout, feed it
//	                      as long as every step keeps to its time, and stop it when
//	                      the root is mounted; off if 0 or missing, because not
//	                      every watchdog can be stopped. A Pi's takes up to 15
//	-- ARGUMENTS          of init
//
// Another parameter that begins with nfsinit. is an error: a typing mistake would
// be found too late.
package main
