// Package tftp serves files over TFTP (RFC 1350) to firmware that boots from
// the network, Raspberry Pis above all.
//
//	s := &tftp.Server{Handler: tftp.FSHandler(inventory)}
//	conn, err := net.ListenPacket("udp", "10.80.0.1:69")
//	err = s.Serve(ctx, conn)
//
// A [Handler] opens a [File] for each [Request]; [FSHandler] gives each client
// the files of its own machine. A [Server] answers on any number of sockets and
// tells a [netboot.Observer] how each transfer goes.
//
// # What it does for boots
//
// It speaks the options blksize (RFC 2348), tsize and timeout (RFC 2349),
// windowsize (RFC 7440) and rollover, in octet and netascii mode. Block sizes are
// held to the MTU of the interface that the client is on, as boot ROMs may not
// put fragments together. A window leaves in one system call where the kernel
// has UDP segmentation offload. The retransmission timeout follows the round
// trip time and starts at 100 ms: bootcode.bin gives a file up after one second
// without a packet. A client is given up by the time without progress. A request
// that comes again before it was answered gets the same first packet from the
// same port. An ACK that is not news is never answered with data.
//
// On Linux each transfer has a socket of its own, bound to the address that the
// request came to and, where the client is a neighbour there, to the interface,
// so that a rack may use the same addresses on every VLAN. Elsewhere the socket
// of a transfer is an ordinary one. For a net.PacketConn that is no
// *net.UDPConn, all goes through it.
//
// # Events
//
// Each request ends in one event, with the client, the file's name as it was
// asked for, and the machine where the Handler named it:
//
//   - FileServed: all was acknowledged. Err is nil, or [ErrRollover] when an old
//     Pi 4 EEPROM would have cut the file short. For a kernel, KernelServed
//     follows.
//   - FileMissing: the Handler's error was fs.ErrNotExist.
//   - FileProbed: the client ended the transfer before it took any data, with
//     error 0 (a Pi's "Early terminate") or 8 (UEFI).
//   - FileFailed: Err is [ErrTimeout], [ErrUnreachable], [ErrReplaced],
//     [ErrStopped], a [*PeerError] or a [*LocalError], or the Handler's.
//   - FileRefused: Err is [ErrLimit], [ErrWrite], [ErrMalformed], [ErrMode],
//     [ErrTooLargeForText] or the Handler's, for fs.ErrPermission,
//     netboot.ErrUnknown and netboot.ErrUpdateRefused. For a client that is over
//     a limit it comes once a second at most.
//
// FileProgress comes at most every 250 ms in between. A client that has all and
// goes on without our seeing its last ACK counts as served once that is plain:
// its port is closed, or asks for another file, after the last block was sent
// twice.
//
// # What it refuses
//
// It writes nothing: write requests get error 2. The texts of its errors are
// fixed and short; no error of the system leaves it. A request draws one packet,
// and ten at most if nobody answers that, so that a forged one makes a poor
// weapon. Beyond the limits it is silent.
package tftp
