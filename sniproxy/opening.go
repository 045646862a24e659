package sniproxy

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// An opening reads what a connection begins with: a PROXY header if it comes by a
// trusted front, and a ClientHello.
type opening struct {
	parser clienthello.Parser
	info   clienthello.Info
	front  frontHeader
}

// reset makes the opening ready for another connection.
func (o *opening) reset(limits clienthello.Limits, fromFront bool) {
	o.parser = clienthello.Parser{Limits: limits}
	o.front = frontHeader{wanted: fromFront}
}

// parse takes all bytes so far. With done, info is filled and the hello begins
// behind the front's header.
func (o *opening) parse(b []byte) (done bool, refused *RefusedError) {
	if done, refused := o.front.parse(b); !done {
		return false, refused
	}
	status, err := o.parser.Parse(b[o.front.size:], &o.info)
	switch status {
	case clienthello.Complete:
		return true, nil
	case clienthello.NeedMore:
		return false, nil
	}
	return false, helloRefusal(err)
}

// frontHeader is the PROXY header of a trusted front.
type frontHeader struct {
	wanted        bool
	size          int
	version       proxyheader.Version // Off until it was read
	client, local netip.AddrPort      // valid if the header names them
}

// parse reports whether the header, if one is wanted, has been read.
func (f *frontHeader) parse(b []byte) (done bool, refused *RefusedError) {
	if !f.wanted || f.version != proxyheader.Off {
		return true, nil
	}
	h, n, err := proxyheader.Decode(b, proxyheader.DecodeOptions{})
	switch {
	case errors.Is(err, proxyheader.ErrShort):
		return false, nil
	case err != nil:
		return false, refuse(BadProxyHeader, err)
	}
	f.size, f.version = n, h.Version
	if h.Known() {
		f.client, f.local = h.Source, h.Destination
	}
	return true, nil
}

func helloRefusal(err error) *RefusedError {
	var e *clienthello.Error
	if !errors.As(err, &e) {
		return refuse(Malformed, err)
	}
	result := Malformed
	switch e.Reason {
	case clienthello.TooLarge, clienthello.TooManyRecords:
		result = TooLarge
	case clienthello.NotTLS, clienthello.SSLv2:
		result = NotTLS
	case clienthello.PlainHTTP:
		return &RefusedError{Result: NotTLS, Status: 400, Err: err}
	}
	return &RefusedError{Result: result, Alert: e.Alert, Err: err}
}

// plainHTTP is what a browser reads that speaks HTTP without TLS to a port of TLS.
const plainHTTP = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n" +
	"Connection: close\r\n\r\nThis port speaks TLS only.\r\n"

// refusalBytes is what a client of TLS is told, nil if nothing.
func refusalBytes(e *RefusedError) []byte {
	if e.Alert != 0 {
		alert := clienthello.Alert(e.Alert)
		return alert[:]
	}
	if e.Status == 400 {
		return []byte(plainHTTP)
	}
	return nil
}

// trusted reports whether the peer is a front whose word counts.
func trusted(prefixes []netip.Prefix, peer netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// appendHeader appends the PROXY header that the decision wants.
func appendHeader(dst []byte, d *Decision, client, local netip.AddrPort, name, id string) ([]byte, error) {
	if d.Proxy == proxyheader.Off {
		return dst, nil
	}
	h := proxyheader.Header{Version: d.Proxy, Source: client, Destination: local}
	if d.Proxy == proxyheader.V2 {
		if d.TLVs&proxyheader.WithAuthority != 0 && name != "" {
			h.Authority = []byte(name)
		}
		if d.TLVs&proxyheader.WithUniqueID != 0 {
			h.UniqueID = []byte(id)
		}
		h.CRC32C = d.TLVs&proxyheader.WithCRC32C != 0
	}
	out, err := proxyheader.Append(dst, &h)
	if err == nil && len(out)-len(dst) > proxyheader.SafeV2 && h.Authority != nil {
		h.Authority = nil // Apache would refuse the whole header
		out, err = proxyheader.Append(dst, &h)
	}
	if err != nil {
		return dst, fmt.Errorf("PROXY header for %v: %w", client, err)
	}
	return out, nil
}
