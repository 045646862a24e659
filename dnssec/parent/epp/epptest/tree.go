package epptest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an element with all that is in it.
type node struct {
	name     xml.Name
	attrs    map[string]string
	text     string
	children []*node
}

// parseTree reads one document, of no more than a few levels.
func parseTree(body []byte) (*node, error) {
	const deep = 12
	d := xml.NewDecoder(bytes.NewReader(body))
	root := &node{}
	stack := []*node{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.Directive:
			return nil, errors.New("a document type declaration")
		case xml.StartElement:
			if len(stack) > deep {
				return nil, errors.New("too deep")
			}
			n := &node{name: token.Name, attrs: make(map[string]string)}
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
					n.attrs[a.Name.Local] = a.Value
				}
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			top.text = strings.TrimSpace(top.text)
			if top.text != "" && len(top.children) > 0 {
				return nil, fmt.Errorf("text beside elements in %s", top.name.Local)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
	if len(root.children) != 1 || strings.TrimSpace(root.text) != "" {
		return nil, errors.New("not one element")
	}
	return root.children[0], nil
}

// rule is what may be in an element: children in this order, each with how often.
// "?" behind a name is at most once, "*" any number of times, "+" at least once.
type rule struct {
	space    string
	children string
	attrs    string
}

// check compares an element's children with the rule, and says which are there.
func (n *node) check(r rule) error {
	for a := range n.attrs {
		if !strings.Contains(" "+r.attrs+" ", " "+a+" ") {
			return fmt.Errorf("attribute %s of %s", a, n.name.Local)
		}
	}
	i := 0
	for want := range strings.FieldsSeq(r.children) {
		name := strings.TrimRight(want, "?*+")
		seen := 0
		for i < len(n.children) && n.children[i].name == (xml.Name{Space: r.space, Local: name}) {
			i++
			seen++
		}
		switch kind := want[len(name):]; {
		case seen == 0 && (kind == "" || kind == "+"):
			return fmt.Errorf("%s without %s", n.name.Local, name)
		case seen > 1 && (kind == "" || kind == "?"):
			return fmt.Errorf("%s with %d of %s", n.name.Local, seen, name)
		}
	}
	if i < len(n.children) {
		return fmt.Errorf("%s has %s where there must be none", n.name.Local, n.children[i].name.Local)
	}
	return nil
}

// all are the children of a name.
func (n *node) all(name string) []*node {
	var found []*node
	for _, c := range n.children {
		if c.name.Local == name {
			found = append(found, c)
		}
	}
	return found
}

// get is the text along a path, "" if that is not there.
func (n *node) get(path ...string) string {
	for _, name := range path {
		found := n.all(name)
		if len(found) == 0 {
			return ""
		}
		n = found[0]
	}
	return n.text
}
