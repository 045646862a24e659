package httpboot_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/httpboot"
)

const kernelText = "0123456789abcdef"

var files = map[string]string{
	"snponly.efi": "EFI program", "vmlinuz": kernelText, "boot.img": "image", "boot.sig": "signature", "pieeprom.upd": "eeprom", "empty": "",
}

// recorder keeps the events of a test.
type recorder struct {
	mu     sync.Mutex
	events []netboot.Event
	more   chan struct{}
}

func (r *recorder) Observe(e netboot.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if r.more != nil {
		close(r.more)
	}
	r.more = make(chan struct{})
}

func (r *recorder) kinds() (kinds []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		kinds = append(kinds, e.Kind.String())
	}
	return kinds
}

// wait returns the first event of that kind.
func (r *recorder) wait(t *testing.T, kind netboot.EventKind) netboot.Event {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		i := slices.IndexFunc(r.events, func(e netboot.Event) bool { return e.Kind == kind })
		if i >= 0 {
			defer r.mu.Unlock()
			return r.events[i]
		}
		if r.more == nil {
			r.more = make(chan struct{})
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("no event %s came, only %v", kind, r.kinds())
		}
	}
}

// inventory knows one machine by the interface "eth0.17".
func inventory(t testing.TB, view fs.FS) *netboot.Static {
	t.Helper()
	inv, err := netboot.NewStatic(netboot.Reservation{Interface: "eth0.17", Machine: netboot.Machine{
		Name: "pi17", Addr: netip.MustParsePrefix("10.80.0.66/30"), Files: view, Prefixes: []string{"boot"},
	}})
	require.NoError(t, err)
	return inv
}

func do(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://10.80.0.65/", nil)
	r.URL.Path = path
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}

func TestHandler(t *testing.T) {
	inv := inventory(t, netboot.TextFS(files))
	tests := []struct {
		name, method, path string
		header             []string
		status             int
		body               string
		events             string
	}{
		{"efi program", "GET", "/snponly.efi", nil, 200, "EFI program", "file served"},
		{"kernel", "GET", "/vmlinuz", nil, 200, kernelText, "file served,kernel served"},
		{"signed image", "GET", "/boot/boot.img", nil, 200, "image", "file served,kernel served"},
		{"serial prefix", "GET", "/5564247d/boot.sig", nil, 200, "signature", "file served"},
		{"empty file", "GET", "/empty", nil, 200, "", "file served"},
		{"head", "HEAD", "/vmlinuz", nil, 200, "", "file probed"},
		{"first part", "GET", "/vmlinuz", []string{"Range", "bytes=0-3"}, 206, "0123", "file progress"},
		{"rest", "GET", "/vmlinuz", []string{"Range", "bytes=4-"}, 206, kernelText[4:], "file served,kernel served"},
		{"tail", "GET", "/vmlinuz", []string{"Range", "bytes=-2"}, 206, "ef", "file served,kernel served"},
		{"past the end", "GET", "/vmlinuz", []string{"Range", "bytes=16-"}, 416, "", "file probed"},
		{"missing", "GET", "/start.elf", nil, 404, "Not Found\n", "file missing"},
		{"directory", "GET", "/", nil, 404, "Not Found\n", "file missing"},
		{"traversal", "GET", "/../../etc/passwd", nil, 404, "Not Found\n", "file missing"},
		{"NUL", "GET", "/vmlinuz\x00", nil, 404, "Not Found\n", "file missing"},
		{"update", "GET", "/pieeprom.upd", nil, 404, "Not Found\n", "file refused"},
		{"post", "POST", "/vmlinuz", nil, 405, "Method Not Allowed\n", ""},
		{"put", "PUT", "/vmlinuz", nil, 405, "Method Not Allowed\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := new(recorder)
			h := &httpboot.Handler{Inventory: inv, Observer: seen, Interface: "eth0.17"}
			r := do(t, h, tt.method, tt.path, tt.header...)
			require.Equal(t, tt.status, r.StatusCode)
			if text := body(t, r); tt.status != 416 {
				require.Equal(t, tt.body, text)
			}
			require.Equal(t, tt.events, strings.Join(seen.kinds(), ","))
			for _, e := range seen.events {
				require.Equal(t, "pi17", e.Machine)
				require.Equal(t, strings.TrimPrefix(tt.path, "/"), e.File)
				require.Equal(t, "eth0.17", e.Client.Interface)
			}
		})
	}
}

func TestHandlerHeader(t *testing.T) {
	h := &httpboot.Handler{Inventory: inventory(t, netboot.TextFS(files)), Interface: "eth0.17"}
	r := do(t, h, "HEAD", "/snponly.efi")
	require.Equal(t, "application/efi", r.Header.Get("Content-Type"))
	require.Equal(t, "11", r.Header.Get("Content-Length"))
	require.Equal(t, "bytes", r.Header.Get("Accept-Ranges"))
	require.Equal(t, "private", r.Header.Get("Cache-Control"))
	require.Equal(t, "application/octet-stream", do(t, h, "HEAD", "/vmlinuz").Header.Get("Content-Type"))
	require.Equal(t, "GET, HEAD", do(t, h, "DELETE", "/vmlinuz").Header.Get("Allow"))

	tag := r.Header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]+"$`, tag)
	require.Equal(t, 304, do(t, h, "GET", "/snponly.efi", "If-None-Match", tag).StatusCode)
	require.Equal(t, 412, do(t, h, "GET", "/snponly.efi", "If-Match", `"other"`).StatusCode)
	require.Equal(t, 200, do(t, h, "GET", "/snponly.efi", "Range", "bytes=1-", "If-Range", `"other"`).StatusCode)
	require.Equal(t, 206, do(t, h, "GET", "/snponly.efi", "Range", "bytes=1-", "If-Range", tag).StatusCode)

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("f"), 0o600))
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "f"), when, when))
	onDisk, err := netboot.DirFS(dir)
	require.NoError(t, err)
	h = &httpboot.Handler{Inventory: inventory(t, onDisk), Interface: "eth0.17"}
	require.Equal(t, "Fri, 02 Jan 2026 03:04:05 GMT", do(t, h, "GET", "/f").Header.Get("Last-Modified"))
}

func TestHandlerUnknownClient(t *testing.T) {
	seen := new(recorder)
	inv := inventory(t, netboot.TextFS(files))
	for _, iface := range []string{"", "eth0.18"} {
		h := &httpboot.Handler{Inventory: inv, Observer: seen, Interface: iface}
		require.Equal(t, 404, do(t, h, "GET", "/vmlinuz").StatusCode)
	}
	require.Empty(t, seen.kinds())
	require.Equal(t, 503, do(t, new(httpboot.Handler), "GET", "/vmlinuz").StatusCode)
}

type brokenFS struct{ err error }

func (b brokenFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: "/srv/secret/" + name, Err: b.err}
}

func TestHandlerErrorsTellNothing(t *testing.T) {
	for cause, status := range map[error]int{fs.ErrPermission: 403, errors.New("disk on fire"): 500} {
		seen := new(recorder)
		h := &httpboot.Handler{Inventory: inventory(t, brokenFS{cause}), Observer: seen, Interface: "eth0.17"}
		r := do(t, h, "GET", "/vmlinuz")
		require.Equal(t, status, r.StatusCode)
		require.Equal(t, http.StatusText(status)+"\n", body(t, r))
		require.Equal(t, []string{"file failed"}, seen.kinds())
		require.ErrorIs(t, seen.events[0].Err, cause)
	}
}

// slowFS has one file: it says when that is opened, and its reads wait until
// the test lets them go on.
type slowFS struct{ opened, gate chan struct{} }

func (s slowFS) Open(string) (fs.File, error) {
	s.opened <- struct{}{}
	return &slowFile{gate: s.gate}, nil
}

type slowFile struct{ gate chan struct{} }

func (f *slowFile) Stat() (fs.FileInfo, error) { return slowInfo{}, nil }
func (f *slowFile) Close() error               { return nil }
func (f *slowFile) Read([]byte) (int, error)   { return 0, io.EOF }
func (f *slowFile) ReadAt(p []byte, _ int64) (int, error) {
	<-f.gate
	return len(p), nil
}

type slowInfo struct{}

func (slowInfo) Name() string       { return "slow" }
func (slowInfo) Size() int64        { return 1 << 20 }
func (slowInfo) Mode() fs.FileMode  { return 0o444 }
func (slowInfo) ModTime() time.Time { return time.Unix(1, 0) }
func (slowInfo) IsDir() bool        { return false }
func (slowInfo) Sys() any           { return nil }

func TestHandlerLimits(t *testing.T) {
	slow := slowFS{opened: make(chan struct{}, 3), gate: make(chan struct{})}
	one := netboot.Reservation{Interface: "a", Machine: netboot.Machine{Name: "a", Addr: netip.MustParsePrefix("10.0.0.1/30"), Files: slow}}
	two := netboot.Reservation{Interface: "b", Machine: netboot.Machine{Name: "b", Addr: netip.MustParsePrefix("10.0.1.1/30"), Files: netboot.TextFS(files)}}
	inv, err := netboot.NewStatic(one, two)
	require.NoError(t, err)
	seen := new(recorder)
	h := &httpboot.Handler{Inventory: inv, Observer: seen, PerClient: 2, Transfers: 3}
	get := func(iface, path string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(httpboot.WithInterface(t.Context(), iface)))
		return w.Result()
	}
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() { get("a", "/slow") })
	}
	for range 2 {
		<-slow.opened
	}
	r := get("a", "/slow")
	require.Equal(t, 503, r.StatusCode)
	require.Equal(t, "1", r.Header.Get("Retry-After"))
	require.ErrorContains(t, seen.wait(t, netboot.FileRefused).Err, "too many transfers")
	require.Equal(t, 200, get("b", "/vmlinuz").StatusCode, "another machine is not in the way")
	close(slow.gate)
	busy.Wait()
	require.Equal(t, 200, get("a", "/slow").StatusCode)
}
