package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// configPage is the manual page of a configuration file, made of the reference that
// documents every key: a comment, then what it is about.
func configPage(p program, toml string) string {
	var b strings.Builder
	file := "/etc/" + p.Name + ".toml"
	title := p.Name + ".toml"
	fmt.Fprintf(&b, ".Dd %s\n.Dt %s 5\n.Os\n.Sh NAME\n.Nm %s\n.Nd configuration of %s\n", moment().Format("January 2, 2006"), strings.ToUpper(title), title, p.Name)
	fmt.Fprintf(&b, ".Sh SYNOPSIS\n.Pa %s\n.Sh DESCRIPTION\nThe file is TOML.\nAn unknown key or a bad value is an error that names the line.\n", file)
	page := &configWriter{Builder: &b}
	for line := range strings.Lines(toml) {
		page.line(strings.TrimRight(line, "\n"))
	}
	page.flush()
	page.end()
	fmt.Fprintf(&b, ".Sh FILES\n.Bl -tag -width Ds\n.It Pa %s\nthe file\n.It Pa /usr/share/doc/%s/examples/%s\nall of the above as a file\n.El\n.Sh SEE ALSO\n.Xr %s %s\n",
		file, p.pkg(), title, p.Name, p.section())
	return b.String()
}

// configWriter writes one line after another.
type configWriter struct {
	*strings.Builder
	comment []string
	list    bool
}

func (w *configWriter) line(line string) {
	trimmed := strings.TrimSpace(line)
	switch {
	case trimmed == "":
		w.flush()
	case strings.HasPrefix(trimmed, "#"):
		w.comment = append(w.comment, strings.TrimSpace(strings.TrimPrefix(trimmed, "#")))
	case strings.HasPrefix(trimmed, "["):
		w.end()
		fmt.Fprintf(w, ".Ss %s\n", roff(trimmed))
		w.text()
	default:
		if !w.list {
			w.WriteString(".Bl -tag -width Ds\n")
			w.list = true
		}
		fmt.Fprintf(w, ".It Li %s\n", roff(trimmed))
		w.text()
	}
}

// flush writes a comment that is about no line.
func (w *configWriter) flush() {
	if len(w.comment) > 0 {
		w.end()
		w.WriteString(".Pp\n")
		w.text()
	}
}

// text writes the comment, a sentence a line.
func (w *configWriter) text() {
	for sentence := range strings.SplitSeq(strings.Join(w.comment, " "), ". ") {
		if sentence = strings.TrimSpace(sentence); sentence != "" {
			end := "."
			if last, _ := utf8.DecodeLastRuneInString(sentence); strings.ContainsRune(".:!?…", last) {
				end = ""
			}
			fmt.Fprintln(w, roff(sentence)+end)
		}
	}
	w.comment = nil
}

// end ends a list.
func (w *configWriter) end() {
	if w.list {
		w.WriteString(".El\n")
	}
	w.list = false
}

// roff protects what would be a command: a leading dot or quote, backslashes, and
// words of a macro's line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "…", "...", `"`, `\(dq`, "'", `\(aq`, "`", `\(ga`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
