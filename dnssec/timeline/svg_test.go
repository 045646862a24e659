package timeline_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
)

// bar is a rectangle with a tooltip.
type bar struct {
	x, width float64
	pale     bool
	title    string
}

// drawn reads a drawing as strictly as a browser reads XHTML, and refuses what a
// page's security policy would.
func drawn(t *testing.T, c timeline.Chart) (bars []bar, texts []string) {
	t.Helper()
	var out strings.Builder
	require.NoError(t, c.WriteSVG(&out))
	d := xml.NewDecoder(strings.NewReader(out.String()))
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			require.Empty(t, open)
			return bars, texts
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			require.NotContains(t, []string{"script", "style", "a", "image", "use"}, token.Name.Local)
			attr := map[string]string{}
			for _, a := range token.Attr {
				attr[a.Name.Local] = a.Value
				require.NotEqual(t, "style", a.Name.Local)
			}
			if token.Name.Local == "rect" {
				b := bar{pale: attr["opacity"] != ""}
				b.x, err = strconv.ParseFloat(attr["x"], 64)
				require.NoError(t, err)
				b.width, err = strconv.ParseFloat(attr["width"], 64)
				require.NoError(t, err)
				bars = append(bars, b)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch parent := strings.Join(open, " "); {
			case strings.HasSuffix(parent, "rect title"):
				bars[len(bars)-1].title = string(token)
			case strings.TrimSpace(string(token)) != "":
				texts = append(texts, string(token))
			}
		}
	}
}

func TestDrawing(t *testing.T) {
	c := timeline.Chart{Zone: "<b>&.example.", Now: at(48), From: at(0), To: at(96)}
	for _, ch := range []struct {
		key, record string
		state       rotate.RecordState
		at          int
	}{
		{"a", "DNSKEY", rotate.Rumoured, -5}, {"a", "DNSKEY", rotate.Omnipresent, 24}, // from before the drawing, across now
		{"a", "ZRRSIG", rotate.Rumoured, 24}, {"a", "ZRRSIG", rotate.Hidden, 36},
	} {
		c.Past = append(c.Past, timeline.Change{At: at(ch.at), Key: ch.key, Role: rotate.ZSK, Tag: 77, Algorithm: 13, Record: ch.record, State: ch.state})
	}
	c.Planned = []timeline.Change{
		{At: at(72), Key: "a", Role: rotate.ZSK, Tag: 77, Algorithm: 13, Record: "DNSKEY", State: rotate.Unretentive},
		{At: at(60), Key: "planned-1", Role: rotate.KSK, Algorithm: 15, Record: "DS", State: rotate.Rumoured},
	}
	bars, texts := drawn(t, c)
	bars = bars[3:] // the legend's
	require.Equal(t, []string{
		"DS of KSK to come, algorithm 15: published, not known everywhere yet, from 2026-01-03 12:00 UTC, with no end in sight",
		"DNSKEY of ZSK 77, algorithm 13: published, not known everywhere yet, from 2026-01-01 00:00 UTC, until 2026-01-02 00:00 UTC",
		"DNSKEY of ZSK 77, algorithm 13: known everywhere, from 2026-01-02 00:00 UTC, until 2026-01-03 00:00 UTC",
		"DNSKEY of ZSK 77, algorithm 13: known everywhere, from 2026-01-03 00:00 UTC, until 2026-01-04 00:00 UTC",
		"DNSKEY of ZSK 77, algorithm 13: withdrawn, still in some caches, from 2026-01-04 00:00 UTC, with no end in sight",
		"ZRRSIG of ZSK 77, algorithm 13: published, not known everywhere yet, from 2026-01-02 00:00 UTC, until 2026-01-02 12:00 UTC",
	}, titles(bars))
	pale := []bool{true, false, false, true, true, false}
	for i, b := range bars {
		require.Equal(t, pale[i], b.pale, "%q", b.title)
	}
	require.InDelta(t, bars[1].x+bars[1].width, bars[2].x, 0.2, "bars join")
	require.InDelta(t, 190, bars[1].x, 0.2)
	require.InDelta(t, 950, bars[4].x+bars[4].width, 0.2)
	require.Contains(t, texts, "Keys of <b>&.example.")
	require.Contains(t, texts, "ZSK 77, algorithm 13")
	require.Contains(t, texts, "now")
}

func titles(bars []bar) []string {
	var out []string
	for _, b := range bars {
		out = append(out, b.title)
	}
	return out
}

// Whatever the length, the axis has some times and not too many, and all bars are
// inside.
func TestDrawingOfAnyLength(t *testing.T) {
	for _, length := range []time.Duration{3 * time.Second, time.Minute, time.Hour, 24 * time.Hour, 90 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		for _, width := range []int{320, 960, 2000} {
			past := []timeline.Change{{At: at(0), Key: "a", Role: rotate.CSK, Record: "DS", State: rotate.Omnipresent}}
			bars, texts := drawn(t, timeline.Chart{Zone: "example.", Now: at(0).Add(length / 2), From: at(0), To: at(0).Add(length), Past: past, Width: width})
			require.Len(t, bars, 3+2)
			ticks := len(texts) - len([]string{"title", "desc", "three meanings", "", "", "key", "row", "now", "its time"})
			require.GreaterOrEqual(t, ticks, 1, "%v in %d", length, width)
			require.LessOrEqual(t, ticks, 1+(width-190)/90, "%v in %d: %q", length, width, texts)
			for _, b := range bars[3:] {
				require.LessOrEqual(t, b.x+b.width, float64(width))
			}
		}
	}
}

func TestDrawingOfNothing(t *testing.T) {
	bars, texts := drawn(t, timeline.Chart{Zone: "example.", Now: at(0)})
	require.Len(t, bars, 3)
	require.Contains(t, texts, "no keys")
}

// A whole life: what was observed, then what is planned.
func TestDrawingOfAPlan(t *testing.T) {
	p := rotate.Policy{ZSKLifetime: 30 * 24 * time.Hour}
	state, now := signed(t, p)
	var log timeline.Log
	log.Observe(state.Keys, now)
	planned, err := timeline.Plan(state, p, now, timeline.Assume{})
	require.NoError(t, err)
	bars, texts := drawn(t, timeline.Chart{Zone: "example.", Now: now, Past: log.Changes, Planned: planned})
	require.Greater(t, len(bars), 12)
	require.Contains(t, texts, "ZSK to come, algorithm 13")
	require.Contains(t, texts, "KSK 1000, algorithm 13")
}
