package web

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"html/template"
	"io"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// view is a page as it is now. The same view makes the whole page and, in the page's
// stream, the parts of it that changed.
type view struct {
	// Title is the page's, Template its file.
	Title, Template string
	// Section is the entry of the navigation that the page belongs to.
	Section string
	// Data is what the template shows.
	Data any
	// Parts are those that may change while the page is looked at.
	Parts []part
	// Concerns reports whether the page may look different after a change. Nil is a
	// page that stays as it is and has no stream.
	Concerns func(model.Change) bool
	// Console is the Pi whose screen is part of the page. "" is none.
	Console string
}

// part is a piece of a page with an element's ID, made by a template of its own.
type part struct {
	ID, Template string
	Data         any
}

// rendered is a part as markup.
type rendered struct {
	id, html string
	sum      uint32
}

// render makes the markup of parts.
func render(t *template.Template, parts []part) ([]rendered, error) {
	out := make([]rendered, 0, len(parts))
	var b bytes.Buffer
	for _, p := range parts {
		b.Reset()
		if err := t.ExecuteTemplate(&b, p.Template, p.Data); err != nil {
			return nil, err
		}
		h := fnv.New32a()
		_, _ = h.Write(b.Bytes()) // a hash takes everything
		out = append(out, rendered{p.ID, b.String(), h.Sum32()})
	}
	return out, nil
}

// cursor says what a page shows: a hash of which parts there are, and one of each.
type cursor []uint32

func cursorOf(parts []rendered) cursor {
	ids := fnv.New32a()
	c := make(cursor, 1, len(parts)+1)
	for _, p := range parts {
		_, _ = io.WriteString(ids, p.id+"\n")
		c = append(c, p.sum)
	}
	c[0] = ids.Sum32()
	return c
}

// String encodes the cursor for an event's ID.
func (c cursor) String() string {
	var b []byte
	for _, sum := range c {
		b = binary.BigEndian.AppendUint32(b, sum)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

const maxCursor = 8 << 10 // bytes of an encoded one

// parseCursor decodes what a page says that it shows. It is nil for what is none.
func parseCursor(s string) cursor {
	if len(s) > maxCursor {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || len(b)%4 != 0 {
		return nil
	}
	var c cursor
	for ; len(b) > 0; b = b[4:] {
		c = append(c, binary.BigEndian.Uint32(b))
	}
	return c
}

// sameParts reports whether both are of pages with the same parts.
func (c cursor) sameParts(d cursor) bool { return len(c) == len(d) && len(c) > 0 && c[0] == d[0] }

// changed are those of parts that a page at the cursor shows otherwise.
func (c cursor) changed(parts []rendered) map[string]string {
	news := make(map[string]string)
	for i, p := range parts {
		if c[i+1] != p.sum {
			news[p.id] = p.html
		}
	}
	return news
}
