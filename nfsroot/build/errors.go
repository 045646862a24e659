package build

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"syscall"
)

// Why a build fails, for errors.Is on what [Builder] returns. A full disk is
// syscall.ENOSPC, as everywhere.
var (
	ErrInUse     = errors.New("another build works on the same root")
	ErrMirror    = errors.New("a mirror does not answer or lacks a file")
	ErrSuite     = errors.New("the mirror has no such suite")
	ErrPackage   = errors.New("no such package, or its dependencies cannot be met")
	ErrSignature = errors.New("the archive's signature is not of the keyring")
	ErrHash      = errors.New("a file is not what the archive's signed lists say")
	ErrExpired   = errors.New("the archive's Release file has expired")
	ErrClock     = errors.New("the archive's Release file is of the future")
)

// Error is a build that failed in a tool.
type Error struct {
	Stage    Stage
	Log      []string // the end of what the tools said
	ExitCode int      // of the tool; -1 when it did not exit by itself
	Hint     string   // what to do about it; "" when this is not known
	Err      error    // what [errors.Is] finds: one of the errors above, or what running the tool said
}

// Error implements error: what failed where, what to do, and the line of the
// log that tells most.
func (e *Error) Error() string {
	text := fmt.Sprintf("build: %s: %v", e.Stage, e.Err)
	if line := e.telling(); line != "" {
		text += ": " + line
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// telling is the first complaint in the end of the log, which others follow
// from.
func (e *Error) telling() string {
	for _, line := range e.Log {
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "dpkg: error") || strings.Contains(line, "No space left") {
			return line
		}
	}
	if len(e.Log) > 0 {
		return e.Log[len(e.Log)-1]
	}
	return ""
}

type cause struct {
	pattern *regexp.Regexp
	err     error
	hint    string
}

// causes are in order of what is most certain: a full disk brings many other
// complaints with it, a missing Release file also says 404.
var causes = []cause{
	{regexp.MustCompile(`No space left on device|not have enough free space`), syscall.ENOSPC,
		"make room where the root and the caches lie"},
	{regexp.MustCompile(`is not valid yet|invalid for another`), ErrClock,
		"set this machine's clock"},
	{regexp.MustCompile(`is expired|is not valid anymore|Release file for .* has expired`), ErrExpired,
		"set this machine's clock if it is ahead, choose a mirror that is kept up to date, or give Spec.Snapshot for an archive of the past"},
	{regexp.MustCompile(`NO_PUBKEY|BADSIG|is not signed|invalid signature|Invalid Release signature|Release signed by unknown key`), ErrSignature,
		"set Spec.Keyring to the archive's keys, or upgrade debian-archive-keyring"},
	{regexp.MustCompile(`Hash Sum mismatch|File has unexpected size|corrupt`), ErrHash,
		"the mirror is in the middle of an update or damaged: try again, or another"},
	{regexp.MustCompile(`does not have a Release file|No such script|Failed getting release file|no longer has a Release file`), ErrSuite,
		"check Spec.Suite against the mirror's dists folder"},
	{regexp.MustCompile(`404 +Not Found|Failed to fetch|Could not resolve|Could not connect|Unable to connect|Couldn't download|Connection (refused|timed out)`), ErrMirror,
		"check Spec.Mirrors and the network; try again when the mirror is in the middle of an update"},
	{regexp.MustCompile(`Unable to locate package|has no installation candidate|unmet dependencies|Couldn't find these debs`), ErrPackage,
		"check Spec.Packages, Spec.Pins and the mirrors' components"},
}

// diagnose makes an Error out of how the tool ended and what it said.
func diagnose(err error, stage Stage, log []string) *Error {
	e := &Error{Stage: stage, Log: log, ExitCode: -1, Err: err}
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		e.ExitCode = exit.ExitCode()
	}
	if errors.Is(err, syscall.ENOSPC) {
		e.Hint = causes[0].hint
		return e
	}
	if e.ExitCode < 0 || errors.Is(err, fs.ErrPermission) {
		return e
	}
	text := strings.Join(log, "\n")
	for _, c := range causes {
		if c.pattern.MatchString(text) {
			e.Err, e.Hint = c.err, c.hint
			break
		}
	}
	return e
}
