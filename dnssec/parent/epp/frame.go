package epp

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// maxFrame is how large an answer may be, in octets. One about a domain has a
// few thousand.
const maxFrame = 1 << 20

// errMarkup is for XML that EPP has no use for, and that only an attack has.
var errMarkup = errors.New("the XML has a document type declaration")

// readFrame reads one data unit (RFC 5734, section 4): its total length in four octets,
// and the message.
func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n <= 4 || n > maxFrame {
		return nil, fmt.Errorf("a data unit of %d octets", n)
	}
	var body bytes.Buffer // grows with what comes, not with what is announced
	if _, err := io.CopyN(&body, r, int64(n)-4); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// writeFrame writes one data unit.
func writeFrame(w io.Writer, body []byte) error {
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, len(body)+4), uint32(len(body)+4))
	_, err := w.Write(append(frame, body...))
	return err
}

// parse decodes what a server sends.
func parse(body []byte) (*reply, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("the server's XML: %w", err)
		}
		switch token := token.(type) {
		case xml.Directive:
			return nil, errMarkup
		case xml.StartElement:
			var r reply
			if err := decoder.DecodeElement(&r, &token); err != nil {
				return nil, fmt.Errorf("the server's XML: %w", err)
			}
			if r.Greeting == nil && (r.Response == nil || len(r.Response.Results) == 0) {
				return nil, errors.New("the server's XML is neither a greeting nor a response")
			}
			return &r, nil
		}
	}
}
