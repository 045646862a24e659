package web

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
)

// markup is what a document may have: its elements, and the attributes of each. Of
// anything else the document is refused: what a trusted part of the house draws has
// nothing else, so whatever has is not from there.
type markup struct {
	root       string
	elements   map[string][]string
	attribute  func(name, value string) (string, bool) // checks values; nil takes all
	everywhere []string                                // attributes of every element
}

const (
	maxMarkup = 1 << 20 // bytes
	maxDepth  = 32
)

var errMarkup = errors.New("web: markup that is not allowed")

// rewrite parses a document and writes it anew, so that the page has nothing in it
// that was not understood.
func (m *markup) rewrite(document string) (template.HTML, error) {
	if len(document) > maxMarkup {
		return "", fmt.Errorf("%w: %d bytes", errMarkup, len(document))
	}
	in := xml.NewDecoder(strings.NewReader(document))
	var out strings.Builder
	depth, roots := 0, 0
	for {
		token, err := in.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("%w: %w", errMarkup, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; depth > maxDepth {
				return "", fmt.Errorf("%w: nested too deep", errMarkup)
			}
			if err := m.open(&out, t, depth == 1); err != nil {
				return "", err
			}
		case xml.EndElement:
			depth--
			out.WriteString("</" + t.Name.Local + ">")
		case xml.CharData:
			if depth > 0 {
				out.WriteString(html.EscapeString(string(t)))
			}
		case xml.Comment:
		default:
			return "", fmt.Errorf("%w: a directive", errMarkup)
		}
	}
	if roots != 1 {
		return "", fmt.Errorf("%w: %d documents in one", errMarkup, roots)
	}
	return template.HTML(out.String()), m.balanced(document)
}

// balanced checks with the strict parser that each element is closed where it must.
func (m *markup) balanced(document string) error {
	in := xml.NewDecoder(strings.NewReader(document))
	for {
		switch _, err := in.Token(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", errMarkup, err)
		}
	}
}

// open writes the beginning of an element.
func (m *markup) open(out *strings.Builder, e xml.StartElement, root bool) error {
	allowed, known := m.elements[e.Name.Local]
	if !known || e.Name.Space != "" || root != (e.Name.Local == m.root) {
		return fmt.Errorf("%w: element %q", errMarkup, e.Name.Local)
	}
	attributes := make(map[string]string)
	for _, a := range e.Attr {
		name := a.Name.Local
		if a.Name.Space != "" || !slices.Contains(allowed, name) && !slices.Contains(m.everywhere, name) {
			return fmt.Errorf("%w: attribute %q of %q", errMarkup, name, e.Name.Local)
		}
		value := a.Value
		if m.attribute != nil {
			var ok bool
			if name, value, ok = m.checked(name, value); !ok {
				return fmt.Errorf("%w: value %q of %q", errMarkup, a.Value, a.Name.Local)
			}
		}
		attributes[name] = strings.TrimSpace(attributes[name] + " " + value)
	}
	out.WriteString("<" + e.Name.Local)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		out.WriteString(" " + name + `="` + html.EscapeString(attributes[name]) + `"`)
	}
	out.WriteString(">")
	if e.Name.Local == "pre" {
		out.WriteString("\n") // which HTML takes away
	}
	return nil
}

// checked is an attribute as it may stand. A style becomes classes: the policy allows
// no other styles.
func (m *markup) checked(name, value string) (string, string, bool) {
	value, ok := m.attribute(name, value)
	if name == "style" {
		name = "class"
	}
	return name, value, ok
}
