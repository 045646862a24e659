package timeline

import (
	"fmt"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// meanings are what the states mean to who does not know their names.
var meanings = map[rotate.RecordState]string{
	rotate.Rumoured:    "published, not known everywhere yet",
	rotate.Omnipresent: "known everywhere",
	rotate.Unretentive: "withdrawn, still in some caches",
	rotate.Hidden:      "gone",
}

// String is the change in words, as in "2026-03-01 04:05 UTC: DS of KSK 12345: known
// everywhere".
func (c Change) String() string {
	who := fmt.Sprintf("%v %d", c.Role, c.Tag)
	if strings.HasPrefix(c.Key, plannedPrefix) {
		who = fmt.Sprintf("a new %v", c.Role)
	}
	return fmt.Sprintf("%s: %s of %s: %s", minute(c.At), c.Record, who, meanings[c.State])
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }
