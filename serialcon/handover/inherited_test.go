package handover_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/handover"
)

func TestLists(t *testing.T) {
	for _, tt := range []struct {
		name  string
		env   map[string]string
		names []string
		fds   []int
		bad   bool
	}{
		{name: "none"},
		{name: "systemd", env: map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}, names: []string{"a", "b"}, fds: []int{3, 4}},
		{name: "without names", env: map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "1"}, names: []string{"unknown"}, fds: []int{3}},
		{name: "another's", env: map[string]string{"LISTEN_PID": "8", "LISTEN_FDS": "x", "SERIALCON_FDS": "8 a=3"}},
		{name: "exec", env: map[string]string{"SERIALCON_FDS": "7 pi-1=9 pi-2=11"}, names: []string{"pi-1", "pi-2"}, fds: []int{9, 11}},
		{name: "both", env: map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a", "SERIALCON_FDS": "7 b=9"}, names: []string{"a", "b"}, fds: []int{3, 9}},
		{name: "no number", env: map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "x"}, bad: true},
		{name: "fewer than none", env: map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "-1"}, bad: true},
		{name: "too many", env: map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "999999999"}, bad: true},
		{name: "no descriptor", env: map[string]string{"SERIALCON_FDS": "7 a"}, bad: true},
		{name: "standard output", env: map[string]string{"SERIALCON_FDS": "7 a=1"}, bad: true},
		{name: "no name", env: map[string]string{"SERIALCON_FDS": "7 =5"}, bad: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			names, fds, err := handover.FromEnv(func(k string) string { return tt.env[k] }, 7)
			if tt.bad {
				require.ErrorIs(t, err, handover.ErrInherited)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.names, names)
			require.Equal(t, tt.fds, fds)
		})
	}
}
