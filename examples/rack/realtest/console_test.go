package realtest

import (
	"context"
	"regexp"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// consoleText is what the machine has said since it was new.
func (r *rack) consoleText() string {
	var all []byte
	log := conlog.Reader{Dir: r.path("consoles/" + r.pi.Name)}
	err := log.Raw(context.WithoutCancel(r.t.Context()), time.Time{}, func(c conlog.Chunk) error {
		all = append(all, c.Data...)
		return nil
	})
	if err != nil {
		r.t.Logf("console: %v", err)
	}
	return string(all)
}

// consoleTail is the end of it.
func (r *rack) consoleTail() string {
	text := r.consoleText()
	return text[max(0, len(text)-8<<10):]
}

// kernelBegins may follow what was on the line when the power went.
var kernelBegins = regexp.MustCompile(`\[ +0\.000000\] Linux version `)

// said requires that the log has as many beginnings of a kernel as there were, and
// nothing that a kernel says in despair.
func (r *rack) said(boots int) {
	r.t.Helper()
	text := r.consoleText()
	require.Len(r.t, kernelBegins.FindAllString(text, -1), boots)
	require.NotRegexp(r.t, `Kernel panic|Oops:`, text)
}
