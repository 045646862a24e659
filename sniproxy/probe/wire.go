package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
)

// maxFirst is how much of an answer is kept, in bytes.
const maxFirst = 64

// wire sends a prefix in one write with the first bytes, as a proxy does, and
// keeps the beginning of the answer.
type wire struct {
	net.Conn
	prefix []byte
	first  []byte
}

// Write implements [io.Writer].
func (w *wire) Write(p []byte) (int, error) {
	if len(w.prefix) == 0 {
		return w.Conn.Write(p)
	}
	before := len(w.prefix)
	n, err := w.Conn.Write(append(w.prefix, p...))
	w.prefix = nil
	return max(n-before, 0), err
}

// Read implements [io.Reader].
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.first = append(w.first, p[:min(n, maxFirst-len(w.first))]...)
	return n, err
}

// askHTTP sends a request and reads up to the status, or as far as the answer
// goes.
func askHTTP(w *wire, host string) error {
	request := "HEAD / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: hostkit-probe\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(w, request); err != nil {
		return err
	}
	_, err := io.ReadFull(w, make([]byte, len("HTTP/1.1 200")))
	return err
}

// askTLS makes a handshake, so that the server need not log a broken one. The
// question is only whether it answers: certificates are not verified, and
// nothing secret is sent.
func askTLS(ctx context.Context, w *wire, name string) error {
	client := tls.Client(w, &tls.Config{
		ServerName:         name,
		MinVersion:         tls.VersionTLS10, // old servers count too
		InsecureSkipVerify: true,             //nolint:gosec // see above
	})
	if err := client.HandshakeContext(ctx); err != nil {
		return err
	}
	return client.Close()
}
