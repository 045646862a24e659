// Package handover gives the open ports of a daemon to the process that comes
// after it, so that a restart loses no byte: as long as one descriptor of a tty
// is open, the kernel keeps what the line says.
//
// There are two ways. With [Exec] the process becomes the new program. With
// [Store] the service manager keeps the descriptors (FileDescriptorStoreMax= of
// systemd.service(5)) and gives them to the next process, a crash of this one
// included. Either way the new process finds them with [Inherited]:
//
//	files, err := handover.Inherited()
//	…
//	port := tty.Config{Device: device, Inherited: files["pi-042"]}
//
// A port that is gone (unplugged) needs no word: the manager sees the hang-up
// and lets go of it. Sockets may be handed over as well as ttys; the state of a
// protocol on them (telnet, TLS) may not.
package handover
