package tftp

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// Request is a read request with its options settled, as a [Handler] sees it.
type Request struct {
	Name string // as the client wrote it, untrusted: may be absolute, have .. and backslashes
	Mode string // "octet" or "netascii"

	Peer      netip.AddrPort // the client
	Local     netip.Addr     // the address of ours that it asked; zero when unknown
	Interface string         // name of the interface it came in on, or [Server.Interface]

	BlockSize  int           // bytes per DATA packet that will be used
	WindowSize int           // DATA packets per ACK that will be used
	Timeout    time.Duration // the client's timeout option; 0 when it sent none
	WantSize   bool          // the client asked for the file's size

	// Machine is for the Handler to set, before it returns: the name of the
	// machine that asks, which events then carry. Empty means unknown.
	Machine string
}

// Client is the request's sender, as far as a file server knows it.
func (r *Request) Client() netboot.Client {
	return netboot.Client{Interface: r.Interface, Addr: r.Peer.Addr()}
}

// Handler opens files for clients. OpenTFTP is called from many goroutines; ctx
// ends with the transfer.
//
// An error that is [fs.ErrNotExist] is answered with ERROR 1, one that is
// [fs.ErrPermission] with ERROR 2, any other with ERROR 0, each with a short
// text of our own: the error's text goes to the log and to events only. For
// [netboot.ErrUnknown] nothing is answered.
type Handler interface {
	OpenTFTP(ctx context.Context, r *Request) (File, error)
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(ctx context.Context, r *Request) (File, error)

// OpenTFTP calls f.
func (f HandlerFunc) OpenTFTP(ctx context.Context, r *Request) (File, error) { return f(ctx, r) }

// File is what a transfer reads. ReadAt is called from one goroutine at a time,
// for parts that lie within Size, which stays the same. A file that is replaced
// while a transfer runs must go on giving its old bytes, as an open *os.File
// does.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}
