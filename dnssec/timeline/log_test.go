package timeline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return epoch.Add(time.Duration(hours) * time.Hour) }

// zsk is a key whose records went into these states at these hours.
func zsk(id string, tag uint16, dnskey, zrrsig rotate.RecordState, hours int) rotate.Key {
	return rotate.Key{
		ID: id, Role: rotate.ZSK, Algorithm: 13, Tag: tag,
		DNSKEY: rotate.Record{State: dnskey, Since: at(hours)}, ZRRSIG: rotate.Record{State: zrrsig, Since: at(hours)},
	}
}

func words(changes []timeline.Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return out
}

func TestLogHasWhatChanged(t *testing.T) {
	var log timeline.Log
	require.False(t, log.Observe(nil, at(0)))
	require.True(t, log.Observe([]rotate.Key{zsk("a", 1, rotate.Rumoured, rotate.Hidden, 1)}, at(2)))
	require.False(t, log.Observe([]rotate.Key{zsk("a", 1, rotate.Rumoured, rotate.Hidden, 1)}, at(3)), "nothing changed")
	require.True(t, log.Observe([]rotate.Key{
		zsk("a", 1, rotate.Omnipresent, rotate.Rumoured, 4), zsk("b", 7, rotate.Rumoured, rotate.Hidden, 5),
	}, at(5)))
	require.True(t, log.Observe([]rotate.Key{zsk("b", 7, rotate.Rumoured, rotate.Hidden, 5)}, at(6)))
	require.Equal(t, []string{
		"2026-01-01 01:00 UTC: DNSKEY of ZSK 1: published, not known everywhere yet",
		"2026-01-01 04:00 UTC: DNSKEY of ZSK 1: known everywhere",
		"2026-01-01 04:00 UTC: ZRRSIG of ZSK 1: published, not known everywhere yet",
		"2026-01-01 05:00 UTC: DNSKEY of ZSK 7: published, not known everywhere yet",
	}, words(log.Changes[:4]))
	require.Len(t, log.Changes, 6, "the key that is gone")
	for _, c := range log.Changes[4:] {
		require.Equal(t, "a", c.Key)
		require.Equal(t, rotate.Hidden, c.State)
		require.Equal(t, at(6), c.At)
	}
}

// A time that cannot be, since it lies before what is known or after now, is now.
func TestLogIsInOrder(t *testing.T) {
	var log timeline.Log
	log.Observe([]rotate.Key{zsk("a", 1, rotate.Rumoured, rotate.Hidden, 4)}, at(4))
	log.Observe([]rotate.Key{zsk("a", 1, rotate.Omnipresent, rotate.Hidden, 2)}, at(6))
	log.Observe([]rotate.Key{zsk("a", 1, rotate.Unretentive, rotate.Hidden, 99)}, at(7))
	var times []time.Time
	for _, c := range log.Changes {
		times = append(times, c.At)
	}
	require.Equal(t, []time.Time{at(4), at(6), at(7)}, times)
}

func TestLogForgetsKeysThatEnded(t *testing.T) {
	var log timeline.Log
	log.Observe([]rotate.Key{zsk("old", 1, rotate.Omnipresent, rotate.Omnipresent, 1), zsk("new", 2, rotate.Omnipresent, rotate.Omnipresent, 1)}, at(1))
	log.Observe([]rotate.Key{zsk("new", 2, rotate.Omnipresent, rotate.Omnipresent, 1)}, at(5))
	log.Trim(at(5))
	require.Len(t, log.Changes, 6, "it ended just then")
	log.Trim(at(6))
	require.Len(t, log.Changes, 2)
	require.Equal(t, "new", log.Changes[0].Key)
	require.False(t, log.Observe([]rotate.Key{zsk("new", 2, rotate.Omnipresent, rotate.Omnipresent, 1)}, at(9)))
}

func TestLogIsKept(t *testing.T) {
	var log, read timeline.Log
	log.Observe([]rotate.Key{zsk("a", 1, rotate.Omnipresent, rotate.Unretentive, 1)}, at(1))
	text, err := json.Marshal(log)
	require.NoError(t, err)
	require.Contains(t, string(text), `"record":"DNSKEY","state":"omnipresent"`)
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, log, read)
}
