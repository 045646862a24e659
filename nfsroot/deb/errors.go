package deb

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// Why packages cannot be had, for errors.Is. A package, a suite or a file that
// the archive does not have is fs.ErrNotExist; a full disk is syscall.ENOSPC.
var (
	ErrHash      = errors.New("a file is not what the archive's signed lists say")
	ErrExpired   = errors.New("the archive's Release file has expired")
	ErrClock     = errors.New("the archive's Release file is of the future: is the clock right?")
	ErrSignature = errors.New("the archive is not signed by a key of the keyring")
	ErrOffline   = errors.New("no mirror can be reached")
)

// Error is a program of apt's, or dpkg-deb, that failed.
type Error struct {
	Command string // what was run
	Output  string // what it complained of, in English
	Err     error  // one of this package's errors, or how the program ended
}

// Error implements error, with the first complaint.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Command, e.Err)
	for line := range strings.Lines(e.Output) {
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "dpkg-deb: error: ") {
			return text + ": " + strings.TrimSpace(line)
		}
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// causes are in the order of what is most certain: an expired or unsigned
// Release has other complaints in its train.
var causes = []struct {
	err   error
	signs []string
}{
	{syscall.ENOSPC, []string{"No space left on device"}},
	{ErrClock, []string{"is not valid yet", "Not live until"}},
	{ErrExpired, []string{"is expired", "is not valid anymore"}},
	{ErrSignature, []string{"NO_PUBKEY", "BADSIG", "is not signed", "EXPKEYSIG", "no longer signed", "Missing key", "couldn't be verified"}},
	{ErrHash, []string{"Hash Sum mismatch", "File has unexpected size", "hashes of file"}},
	{ErrOffline, []string{
		"Could not resolve", "Temporary failure resolving", "Could not connect", "Unable to connect", "Connection failed", "Connection timed out",
		"connection timed out", "Network is unreachable", "Connection refused", "No route to host",
	}},
	{fs.ErrNotExist, []string{
		"404", "does not have a Release file", "no longer has a Release file", "Unable to locate package", "No packages found", "File not found",
		"was not found", "Can't find a source to download",
	}},
}

// diagnose tells from what apt says why it failed with err.
func diagnose(err error, output string) error {
	for _, c := range causes {
		for _, sign := range c.signs {
			if strings.Contains(output, sign) {
				return c.err
			}
		}
	}
	return err
}
