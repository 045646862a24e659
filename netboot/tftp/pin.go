package tftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"time"

	pintftp "github.com/pin/tftp/v3"
)

// FromPin returns a server of github.com/pin/tftp that serves h, tuned so that
// one lost packet does not cost a Raspberry Pi its boot: it sends again after
// 50 ms, for 30 s. Start it with its Serve or ListenAndServe, and end it with its
// Shutdown: its Serve does not notice that its connection was closed. iface is
// the Interface of requests.
//
// It is the engine for systems where ours lacks something, and one to compare
// ours with. Beside ours it has no windows (RFC 7440) and no timeout option,
// takes option names in lower case only, sends no tsize of empty files, lets
// packets of 1469 bytes and more fragment, always sets the don't-fragment bit,
// cannot keep the neighbour entry of a ROM that is mute to ARP alive, starts a
// second transfer when a request is repeated, sends every error as code 1, has
// no limit on transfers or requests, and reports no events.
func FromPin(h Handler, iface string) *pintftp.Server {
	read := func(name string, rf io.ReaderFrom) error { return pinRead(h, iface, name, rf) }
	s := pintftp.NewServer(read, nil)
	const timeout = 50 * time.Millisecond
	s.SetTimeout(timeout)
	s.SetRetries(int(DefaultGiveUp / timeout))
	s.SetBackoff(func(int) time.Duration { return 0 })
	return s
}

func pinRead(h Handler, iface, name string, rf io.ReaderFrom) error {
	r := &Request{Name: name, Mode: "octet", Interface: iface, WindowSize: 1, BlockSize: defaultBlock}
	out, hasSize := rf.(pintftp.OutgoingTransfer)
	if hasSize {
		addr := out.RemoteAddr()
		a := addr.AddrPort()
		r.Peer = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if info, ok := rf.(pintftp.RequestPacketInfo); ok {
		if a, ok := netip.AddrFromSlice(info.LocalIP()); ok {
			r.Local = a.Unmap()
		}
	}
	f, err := h.OpenTFTP(context.Background(), r)
	if err != nil {
		return pinError(err)
	}
	defer f.Close()
	if hasSize {
		out.SetSize(f.Size())
	}
	_, err = rf.ReadFrom(io.NewSectionReader(f, 0, f.Size()))
	return err
}

// pinError is what a client may know of err: pin/tftp sends an error's text.
func pinError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("File not found")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("Access violation")
	}
	return errors.New("Server error")
}
