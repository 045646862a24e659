package httpboot

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// The limits of a [Handler] that sets none.
const (
	DefaultTransfers = 1024
	DefaultPerClient = 8
	DefaultStall     = 30 * time.Second
)

// errBusy is the cause of a refusal by a limit.
var errBusy = errors.New("httpboot: too many transfers at once")

// Handler serves each machine its files. Inventory is needed; the zero value
// of any other field means what its comment says. Do not change or copy it
// once it is in use.
type Handler struct {
	// Inventory finds the machine by Client.Interface and Client.Addr.
	Inventory netboot.Inventory
	// Observer is told of FileProgress, FileServed, KernelServed, FileProbed,
	// FileMissing, FileFailed and FileRefused. A file counts as served when
	// its last byte is with the kernel: HTTP has no acknowledgement. Nil means
	// nobody.
	Observer netboot.Observer
	// Log has one Debug line per request, and a Warn line per file that should
	// have been readable. Nil discards.
	Log *slog.Logger
	// Interface is taken as the one that every request came in on: for a
	// listener that has one interface to itself, and for simulations. Empty
	// means the one that [ConnContext] found.
	Interface string

	// Transfers is how many requests are answered at once. Zero means
	// [DefaultTransfers]. What is above is told to come back.
	Transfers int
	// PerClient is the same for one machine. Zero means [DefaultPerClient].
	PerClient int
	// Stall is how long a client may take nothing before its connection is
	// closed, however long the whole file takes. Zero means [DefaultStall].
	Stall time.Duration

	mu     sync.Mutex // guards the two below
	total  int
	active map[string]int // by machine
}

var _ http.Handler = (*Handler)(nil)

// ServeHTTP answers GET and HEAD with a file of the client's machine.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deadline := http.NewResponseController(w)
	stall := cmp.Or(h.Stall, DefaultStall)
	// Always, because the deadline of the request before still holds.
	_ = deadline.SetWriteDeadline(time.Now().Add(stall)) // a recorder in a test has none
	c := h.client(r)
	t := &transfer{
		ResponseWriter: w, deadline: deadline, stall: stall, observer: h.Observer, start: time.Now(),
		event: netboot.Event{Client: c, Addr: c.Addr, File: strings.TrimPrefix(r.URL.Path, "/")},
	}
	err := h.serve(t, r, c)
	h.log().Debug("http request", "method", r.Method, "file", t.event.File, "machine", t.event.Machine, "client", c.Addr,
		"interface", c.Interface, "status", t.status, "bytes", t.written, "took", time.Since(t.start), "err", err)
}

func (h *Handler) serve(t *transfer, r *http.Request, c netboot.Client) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		t.Header().Set("Allow", "GET, HEAD")
		return t.refuse(http.StatusMethodNotAllowed, nil)
	}
	m, err := h.lookup(r.Context(), c)
	if err != nil {
		if errors.Is(err, netboot.ErrUnknown) {
			return t.refuse(http.StatusNotFound, err)
		}
		h.log().Warn("http inventory failed", "client", c.Addr, "interface", c.Interface, "err", err)
		return t.refuse(http.StatusServiceUnavailable, err)
	}
	t.event.Machine = m.Name
	if !h.acquire(m.Name) {
		t.Header().Set("Retry-After", "1")
		t.tell(netboot.FileRefused, errBusy)
		return t.refuse(http.StatusServiceUnavailable, errBusy)
	}
	defer h.release(m.Name)
	f, err := m.Open(r.URL.Path)
	if err != nil {
		return h.fail(t, err)
	}
	defer f.Close()
	t.event.Size = f.Size()
	t.send(r, f)
	return t.outcome(r.Method, f)
}

func (h *Handler) lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	if h.Inventory == nil {
		return nil, errors.New("httpboot: no Inventory is set")
	}
	return h.Inventory.Lookup(ctx, c)
}

// fail answers for a file that cannot be opened.
func (h *Handler) fail(t *transfer, err error) error {
	switch {
	case errors.Is(err, netboot.ErrUpdateRefused):
		t.tell(netboot.FileRefused, err)
		return t.refuse(http.StatusNotFound, err)
	case errors.Is(err, fs.ErrNotExist):
		t.tell(netboot.FileMissing, nil)
		return t.refuse(http.StatusNotFound, err)
	}
	h.log().Warn("http file cannot be opened", "machine", t.event.Machine, "file", t.event.File, "err", err)
	t.tell(netboot.FileFailed, err)
	if errors.Is(err, fs.ErrPermission) {
		return t.refuse(http.StatusForbidden, err)
	}
	return t.refuse(http.StatusInternalServerError, err)
}

// client says who r came from, as far as its connection tells.
func (h *Handler) client(r *http.Request) netboot.Client {
	c := netboot.Client{Interface: cmp.Or(h.Interface, interfaceOf(r.Context()))}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.Addr = ap.Addr().Unmap().WithZone("")
	}
	return c
}

func (h *Handler) acquire(machine string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.total >= cmp.Or(h.Transfers, DefaultTransfers) || h.active[machine] >= cmp.Or(h.PerClient, DefaultPerClient) {
		return false
	}
	if h.active == nil {
		h.active = make(map[string]int)
	}
	h.total++
	h.active[machine]++
	return true
}

func (h *Handler) release(machine string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	if h.active[machine]--; h.active[machine] == 0 {
		delete(h.active, machine)
	}
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// contentType returns the media type of UEFI HTTP boot (UEFI 2.10 section
// 24.7.5.1), by which firmware knows a program from a disk image.
func contentType(name string) string {
	if strings.EqualFold(path.Ext(name), ".efi") {
		return "application/efi"
	}
	return "application/octet-stream"
}

// send writes f, or what of it r wants.
func (t *transfer) send(r *http.Request, f *netboot.File) {
	head := t.Header()
	head.Set("Content-Type", contentType(f.Name()))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "private") // the same URL is another file to another machine
	if tag := f.ETag(); tag != "" {
		head.Set("ETag", tag)
	}
	http.ServeContent(t, r, "", f.ModTime(), io.NewSectionReader(f, 0, f.Size()))
}
