package kmod

import (
	"cmp"
	"slices"
	"strings"
)

const maxNear = 5

// notFound makes the error, with names of files and of built-in modules that are
// like the one that was asked for.
func (t *Tree) notFound(name, neededBy string) *NotFoundError {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for _, other := range t.all() {
		d := distance(name, other)
		if contains := len(name) > 2 && len(other) > 2 && (strings.Contains(other, name) || strings.Contains(name, other)); d <= 2 || contains {
			near = append(near, candidate{other, d})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	err := &NotFoundError{Name: name, NeededBy: neededBy}
	for _, c := range near[:min(maxNear, len(near))] {
		err.Near = append(err.Near, c.name)
	}
	return err
}

func (t *Tree) all() []string {
	names := t.Names()
	for name := range t.builtin {
		names = append(names, name)
	}
	return names
}

// maxName is more than any module's name has.
const maxName = 64

// distance is Levenshtein's: how many letters to add, drop or change.
func distance(a, b string) int {
	a, b = a[:min(len(a), maxName)], b[:min(len(b), maxName)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
