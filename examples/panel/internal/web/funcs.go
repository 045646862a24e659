package web

import (
	"html/template"
	"time"
)

// funcs are what templates call.
func funcs() template.FuncMap {
	return template.FuncMap{
		"backendClass": backendClass,
		"clock":        clock,
		"distance":     func(t time.Time) string { return distance(t, time.Now()) },
		"megabytes":    megabytes,
		"minus2":       func(n int) int { return n - 2 },
		"outcomeClass": outcomeClass,
		"plus":         func(n, m int) int { return n + m },
		"plus1":        func(n int) int { return n + 1 },
		"printable":    printable,
		"stamp":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"took":         func(from, to time.Time) string { return span(to.Sub(from)) },
	}
}
