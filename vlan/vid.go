package vlan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// VID is a VLAN identifier of IEEE 802.1Q. Zero means none.
type VID uint16

// The identifiers that a frame can carry. 0 marks a frame with a priority only,
// and 4095 is reserved.
const (
	MinVID VID = 1
	MaxVID VID = 4094
)

// Valid reports whether a VLAN can have this identifier.
func (v VID) Valid() bool { return v >= MinVID && v <= MaxVID }

// Range is the identifiers from First to Last, both among them. As text it is
// "100-195".
type Range struct{ First, Last VID }

// Contains reports whether the range has v in it.
func (r Range) Contains(v VID) bool { return v >= r.First && v <= r.Last }

// Len is the number of identifiers.
func (r Range) Len() int {
	if r.Last < r.First || r.First == 0 {
		return 0
	}
	return int(r.Last-r.First) + 1
}

// String is "7" or "100-195", and "" for the zero range.
func (r Range) String() string {
	switch {
	case r == Range{}:
		return ""
	case r.First == r.Last:
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// MarshalText is String.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what String writes.
func (r *Range) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Range{}
		return nil
	}
	got, err := parseRange(string(text))
	if err != nil {
		return err
	}
	*r = got
	return nil
}

func parseRange(s string) (Range, error) {
	first, last, two := strings.Cut(s, "-")
	if !two {
		last = first
	}
	a, err := parseVID(first)
	if err != nil {
		return Range{}, err
	}
	b, err := parseVID(last)
	if err != nil {
		return Range{}, err
	}
	if b < a {
		return Range{}, fmt.Errorf("vlan: range %q ends before it begins", s)
	}
	return Range{a, b}, nil
}

func parseVID(s string) (VID, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || !VID(n).Valid() || s[0] == '0' || s[0] == '+' {
		return 0, fmt.Errorf("vlan: %q is not a VLAN identifier from %d to %d", s, MinVID, MaxVID)
	}
	return VID(n), nil
}

// VIDs is a set of identifiers: sorted, each once. nil is the empty set. As text
// it is "11,131,1002-1005".
type VIDs []VID

// NewVIDs makes a set.
func NewVIDs(ids ...VID) VIDs {
	if len(ids) == 0 {
		return nil
	}
	set := slices.Clone(VIDs(ids))
	slices.Sort(set)
	return slices.Compact(set)
}

// ParseVIDs reads what String writes. Spaces are refused, as is 0.
func ParseVIDs(s string) (VIDs, error) {
	if s == "" {
		return nil, nil
	}
	var set VIDs
	for part := range strings.SplitSeq(s, ",") {
		r, err := parseRange(part)
		if err != nil {
			return nil, err
		}
		if n := len(set); n > 0 && r.First <= set[n-1] {
			return nil, fmt.Errorf("vlan: %q of %q does not follow %d", part, s, set[n-1])
		}
		for v := r.First; v <= r.Last; v++ {
			set = append(set, v)
		}
	}
	return set, nil
}

// Contains reports whether v is in the set.
func (s VIDs) Contains(v VID) bool {
	_, found := slices.BinarySearch(s, v)
	return found
}

// With is the set and v.
func (s VIDs) With(v VID) VIDs {
	i, found := slices.BinarySearch(s, v)
	if found {
		return s
	}
	return slices.Insert(slices.Clone(s), i, v)
}

// Without is the set less v.
func (s VIDs) Without(v VID) VIDs {
	i, found := slices.BinarySearch(s, v)
	switch {
	case !found:
		return s
	case len(s) == 1:
		return nil
	}
	return slices.Delete(slices.Clone(s), i, i+1)
}

// Equal compares sets; nil equals empty.
func (s VIDs) Equal(other VIDs) bool { return slices.Equal(s, other) }

// Ranges is the set as runs of neighbours, in order.
func (s VIDs) Ranges() []Range {
	var runs []Range
	for _, v := range s {
		if n := len(runs); n > 0 && runs[n-1].Last+1 == v {
			runs[n-1].Last = v
			continue
		}
		runs = append(runs, Range{v, v})
	}
	return runs
}

// String is the set as switches write lists: "11,131,1002-1005".
func (s VIDs) String() string {
	var b strings.Builder
	for i, r := range s.Ranges() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.String())
	}
	return b.String()
}

// MarshalText is String.
func (s VIDs) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String writes.
func (s *VIDs) UnmarshalText(text []byte) error {
	set, err := ParseVIDs(string(text))
	if err != nil {
		return err
	}
	*s = set
	return nil
}
