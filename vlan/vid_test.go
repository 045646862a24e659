package vlan_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

func TestVIDsText(t *testing.T) {
	for _, text := range []string{"", "1", "4094", "11,131", "2-130,132-1001,1006-4093"} {
		set, err := vlan.ParseVIDs(text)
		require.NoError(t, err)
		require.Equal(t, text, set.String())
		coded, err := json.Marshal(set)
		require.NoError(t, err)
		var back vlan.VIDs
		require.NoError(t, json.Unmarshal(coded, &back))
		require.True(t, back.Equal(set))
	}
	for _, bad := range []string{"0", "4095", "1-", "-1", "5-4", "7,7", "9,8", "1,,2", "1 2", " 1", "+1", "01", "1-4095", "99999", "all", "1\n2"} {
		_, err := vlan.ParseVIDs(bad)
		require.Error(t, err, "%q", bad)
	}
}

func TestVIDsSet(t *testing.T) {
	set := vlan.NewVIDs(12, 11, 12, 131)
	require.Equal(t, "11-12,131", set.String())
	require.Equal(t, "11-13,131", set.With(13).String())
	require.Equal(t, "11,131", set.Without(12).String())
	require.Equal(t, "11-12,131", set.String(), "the set itself is as it was")
	require.True(t, set.Contains(131))
	require.False(t, set.Contains(13))
	require.Nil(t, vlan.NewVIDs(7).Without(7))
	require.Equal(t, set, set.With(11).Without(99))
}

func TestRangeText(t *testing.T) {
	for text, n := range map[string]int{"": 0, "7": 1, "100-195": 96} {
		var r vlan.Range
		require.NoError(t, r.UnmarshalText([]byte(text)))
		require.Equal(t, n, r.Len())
		require.Equal(t, text, r.String())
	}
	var r vlan.Range
	require.Error(t, r.UnmarshalText([]byte("9-1")))
}

func FuzzVIDs(f *testing.F) {
	f.Add("11,131,1002-1005")
	f.Add("0-4095")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := vlan.ParseVIDs(text)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(set), 4094)
		again, err := vlan.ParseVIDs(set.String())
		require.NoError(t, err)
		require.True(t, again.Equal(set))
	})
}
