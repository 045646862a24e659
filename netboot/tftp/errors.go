package tftp

import (
	"errors"
	"io/fs"
	"strconv"
)

// Errors of transfers and requests, found by errors.Is in [netboot.Event.Err].
var (
	// ErrTimeout is the end of a transfer whose client said nothing for
	// [Server.GiveUp].
	ErrTimeout = errors.New("tftp: client stopped answering")
	// ErrUnreachable is the end of a transfer whose client's port is closed.
	ErrUnreachable = errors.New("tftp: client closed its port")
	// ErrReplaced is the end of a transfer whose client asked for something
	// else from the same port, or began anew.
	ErrReplaced = errors.New("tftp: client sent another request")
	// ErrStopped is the end of a transfer that [Server.Shutdown] or the end
	// of Serve's context cut.
	ErrStopped = errors.New("tftp: server stopped")
	// ErrLimit is why a request was refused, or a transfer that the client
	// had not answered yet was ended: a limit of [Server].
	ErrLimit = errors.New("tftp: over the limit")
	// ErrWrite is why a write request was refused.
	ErrWrite = errors.New("tftp: write request")
	// ErrMalformed is why a request was refused that makes no sense.
	ErrMalformed = errors.New("tftp: malformed request")
	// ErrMode is why a request for the mode "mail", or for an unknown one,
	// was refused.
	ErrMode = errors.New("tftp: mode is not octet or netascii")
	// ErrTooLargeForText is why a netascii request was refused.
	ErrTooLargeForText = errors.New("tftp: file too large for netascii")
	// ErrRollover accompanies a transfer of more than 65,535 blocks in
	// lockstep: the EEPROM of a Raspberry Pi 4 from before 23 September 2025
	// cuts the file short there without a word.
	ErrRollover = errors.New("tftp: more than 65535 blocks, which old Pi 4 EEPROMs cut short: update the EEPROM or compress the file")
)

// PeerError is an ERROR packet of a client (RFC 1350 section 5).
type PeerError struct {
	Code uint16
	Text string // untrusted, at most 128 bytes
}

// Error quotes the client's text.
func (e *PeerError) Error() string {
	return "tftp: client sent error " + strconv.Itoa(int(e.Code)) + " " + strconv.Quote(e.Text)
}

// replyTo returns the ERROR packet that tells a client of err: a code and a
// short fixed text, never err's own.
func replyTo(err error) []byte {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errorPacket(codeNotFound, "File not found")
	case errors.Is(err, fs.ErrPermission):
		return errorPacket(codeAccess, "Access violation")
	case errors.Is(err, ErrWrite):
		return errorPacket(codeAccess, "Read only")
	case errors.Is(err, ErrMalformed):
		return errorPacket(codeIllegal, "Malformed request")
	case errors.Is(err, ErrMode):
		return errorPacket(codeIllegal, "Use octet mode")
	case errors.Is(err, ErrTooLargeForText):
		return errorPacket(codeUndefined, "File too large, use octet mode")
	case errors.Is(err, ErrStopped):
		return errorPacket(codeUndefined, "Server stopping")
	}
	return errorPacket(codeUndefined, "Server error")
}

// LocalError is the end of a transfer by a failure on our side.
type LocalError struct {
	Op  string // what was attempted
	Err error
}

// Error says what was attempted and why it failed.
func (e *LocalError) Error() string { return "tftp: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns why it failed.
func (e *LocalError) Unwrap() error { return e.Err }
