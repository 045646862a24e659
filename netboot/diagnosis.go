package netboot

// Diagnosis is what is likely wrong with a boot, for a person to act on.
type Diagnosis struct {
	Code   string // short and stable, such as "rom-receive-bug"; "" when nothing is known
	Text   string // one sentence: what is seen
	Remedy string // one sentence: what to do
}

// String returns the text and the remedy.
func (d Diagnosis) String() string {
	if d.Code == "" {
		return ""
	}
	return d.Text + " " + d.Remedy
}
