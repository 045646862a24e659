package web

import (
	"html/template"
	"regexp"
)

// drawings are what SVG images of the house may have: shapes and text. No links, no
// styles, no references, nothing that does anything.
var drawings = markup{
	root: "svg",
	elements: map[string][]string{
		"svg":      {"xmlns", "viewBox", "width", "height", "role", "font-family", "font-size", "preserveAspectRatio"},
		"title":    nil,
		"desc":     nil,
		"g":        {"transform"},
		"rect":     {"x", "y", "width", "height", "rx", "ry"},
		"line":     {"x1", "y1", "x2", "y2"},
		"circle":   {"cx", "cy", "r"},
		"path":     {"d"},
		"polyline": {"points"},
		"polygon":  {"points"},
		"text":     {"x", "y", "text-anchor", "font-size", "font-weight", "font-family", "transform"},
		"tspan":    {"x", "y", "dx", "dy", "font-weight"},
	},
	everywhere: []string{"fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity"},
	attribute: func(name, value string) (string, bool) {
		if name == "xmlns" {
			return value, value == "http://www.w3.org/2000/svg"
		}
		return value, plainValue.MatchString(value)
	},
}

// plainValue is a number, a list of them, a colour, a word, a path, a transformation:
// no url(…) and no scheme.
var plainValue = regexp.MustCompile(`^[#\w\s.,+%()-]*$`)

// refersTo finds values that point to something else.
var refersTo = regexp.MustCompile(`(?i)url\s*\(`)

// drawing returns an SVG image as a part of the page, or "" if it is not fit for one.
func drawing(svg string) template.HTML {
	if svg == "" || refersTo.MatchString(svg) {
		return ""
	}
	safe, err := drawings.rewrite(svg)
	if err != nil {
		return ""
	}
	return safe
}
