package httpboot

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// progressEvery is how often a transfer reports that it goes on.
const progressEvery = time.Second

// errIncomplete is the cause of a file that was not sent to its end.
var errIncomplete = errors.New("httpboot: client went away before the end of the file")

// transfer is the answer to one request: it counts what is written, moves the
// write deadline on with each part that the client takes, and reports.
type transfer struct {
	http.ResponseWriter
	deadline *http.ResponseController
	stall    time.Duration
	observer netboot.Observer
	event    netboot.Event // what all events of this request have in common

	start    time.Time
	reported time.Time
	status   int
	written  int64
	offset   int64 // of the body in the file
	err      error // of the first write that failed
}

// Unwrap is for [http.ResponseController].
func (t *transfer) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader notes the status, and where in the file the body begins.
func (t *transfer) WriteHeader(status int) {
	t.status = status
	if status == http.StatusPartialContent {
		var last, size int64
		_, _ = fmt.Sscanf(t.Header().Get("Content-Range"), "bytes %d-%d/%d", &t.offset, &last, &size) // several ranges have none
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write gives the client another stall period for another part.
func (t *transfer) Write(p []byte) (int, error) {
	now := time.Now()
	_ = t.deadline.SetWriteDeadline(now.Add(t.stall))
	n, err := t.ResponseWriter.Write(p)
	t.written += int64(n)
	if err != nil && t.err == nil {
		t.err = err
	}
	if t.reported.IsZero() {
		t.reported = t.start
	}
	if now.Sub(t.reported) >= progressEvery {
		t.reported = now
		t.tell(netboot.FileProgress, nil)
	}
	return n, err
}

// refuse answers with status and its standard text, and returns cause.
func (t *transfer) refuse(status int, cause error) error {
	http.Error(t, http.StatusText(status), status)
	t.written = 0 // not of a file
	return cause
}

// outcome reports how the file went.
func (t *transfer) outcome(method string, f *netboot.File) error {
	sent := t.status == http.StatusOK || t.status == http.StatusPartialContent
	end := t.offset + t.written
	ranges := strings.HasPrefix(t.Header().Get("Content-Type"), "multipart/")
	switch {
	case !sent || method == http.MethodHead:
		t.tell(netboot.FileProbed, nil)
	case t.err != nil || t.written < t.announced():
		err := errIncomplete
		if t.err != nil {
			err = fmt.Errorf("%w: %w", errIncomplete, t.err)
		}
		t.tell(netboot.FileFailed, err)
		return err
	case ranges || end < f.Size():
		t.tell(netboot.FileProgress, nil)
	default:
		t.tell(netboot.FileServed, nil)
		if isKernel(f.Name()) {
			t.tell(netboot.KernelServed, nil)
		}
	}
	return nil
}

// announced is the length of the body that the header promised.
func (t *transfer) announced() int64 {
	var n int64
	_, _ = fmt.Sscan(t.Header().Get("Content-Length"), &n) // ServeContent always sets it
	return n
}

// isKernel reports whether a client that has name starts its kernel next. A
// Pi's boot.img holds one.
func isKernel(name string) bool {
	return rpi.Classify(name) == rpi.FileKernel || path.Base(name) == "boot.img"
}

func (t *transfer) tell(kind netboot.EventKind, err error) {
	if t.observer == nil {
		return
	}
	e := t.event
	e.Kind, e.Err = kind, err
	e.At = time.Now()
	e.Took = e.At.Sub(t.start)
	e.Bytes = min(t.offset+t.written, e.Size)
	t.observer.Observe(e)
}
