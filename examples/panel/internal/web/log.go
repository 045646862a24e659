package web

import (
	"fmt"
	"strings"
	"time"
)

const maxLines = 500

// logPage is what a search in a console's log found.
type logPage struct {
	Pi, Query, Words string
	Lines            []logLine
}

type logLine struct {
	At   time.Time
	Runs []run
}

// run is a piece of a line, which is a hit or is not.
type run struct {
	Text string
	Hit  bool
}

func (p *visit) logPage() (view, error) {
	name, query := p.r.PathValue("name"), p.r.URL.Query().Get("q")
	lines, err := p.house.SearchLog(p.r.Context(), name, query, maxLines)
	if err != nil {
		return view{}, err
	}
	page := logPage{Pi: name, Query: query}
	for _, l := range lines {
		page.Lines = append(page.Lines, logLine{l.At, marked(printable(l.Text), query)})
	}
	switch n := len(lines); {
	case n == 0 && query == "":
		page.Words = "The console has said nothing yet."
	case n == 0:
		page.Words = fmt.Sprintf("No line has “%s”.", printable(query))
	case n == 1:
		page.Words = "One line."
	case n == maxLines:
		page.Words = fmt.Sprintf("The latest %d lines; there are more.", n)
	default:
		page.Words = fmt.Sprintf("%d lines, the latest first.", n)
	}
	return view{Title: "Console log of " + name, Template: "log", Section: "Shelf", Data: page}, nil
}

// marked splits a line at what was searched for, in either case.
func marked(line, text string) []run {
	if text == "" {
		return []run{{Text: line}}
	}
	var runs []run
	lower, text := strings.ToLower(line), strings.ToLower(text)
	if len(lower) != len(line) {
		return []run{{Text: line}} // letters whose other case is longer
	}
	for {
		i := strings.Index(lower, text)
		if i < 0 {
			break
		}
		if i > 0 {
			runs = append(runs, run{Text: line[:i]})
		}
		runs = append(runs, run{Text: line[i : i+len(text)], Hit: true})
		line, lower = line[i+len(text):], lower[i+len(text):]
	}
	if line != "" {
		runs = append(runs, run{Text: line})
	}
	return runs
}
