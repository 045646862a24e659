package model

// Viewer is who looks.
type Viewer struct {
	// Name is the account's.
	Name string
	// Operator sees and does everything. Others see what they own.
	Operator bool
}

// Sees reports whether the viewer may see, and touch, what the owner has.
func (v Viewer) Sees(owner string) bool {
	return v.Operator || v.Name != "" && v.Name == owner
}

// Shelf is the shelf with those Pis alone that the viewer may see. The switch's
// watts and its problem are for operators.
func (v Viewer) Shelf(s Shelf) Shelf {
	if v.Operator {
		return s
	}
	seen := s
	seen.Switch = Switch{Name: s.Switch.Name, Model: s.Switch.Model}
	seen.Pis = nil
	for _, p := range s.Pis {
		if v.Sees(p.Owner) {
			seen.Pis = append(seen.Pis, p)
		}
	}
	return seen
}
