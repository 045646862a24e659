package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Nobody owns what has no owner, and a viewer without a name owns nothing.
func TestViewerSees(t *testing.T) {
	for _, c := range []struct {
		viewer model.Viewer
		owner  string
		sees   bool
	}{
		{model.Viewer{Name: "alice"}, "alice", true},
		{model.Viewer{Name: "alice"}, "bob", false},
		{model.Viewer{Name: "alice"}, "", false},
		{model.Viewer{}, "", false},
		{model.Viewer{Name: "noc", Operator: true}, "bob", true},
		{model.Viewer{Name: "noc", Operator: true}, "", true},
	} {
		require.Equal(t, c.sees, c.viewer.Sees(c.owner), "%+v, owner %q", c.viewer, c.owner)
	}
}

func TestViewerShelfHidesTheSwitch(t *testing.T) {
	shelf := model.Shelf{
		Name:   "shelf-1",
		Switch: model.Switch{Name: "sw-1", Model: "fake", Watts: 31, Budget: 370, Problem: "port 3 was counted twice"},
		Pis:    []model.Pi{{Name: "pi-01", Owner: "alice"}, {Name: "pi-02", Owner: "bob"}, {Name: "pi-03"}},
	}
	seen := model.Viewer{Name: "bob"}.Shelf(shelf)
	require.Equal(t, model.Switch{Name: "sw-1", Model: "fake"}, seen.Switch)
	require.Equal(t, []model.Pi{{Name: "pi-02", Owner: "bob"}}, seen.Pis)
	require.Equal(t, shelf, model.Viewer{Name: "noc", Operator: true}.Shelf(shelf))
	require.Len(t, shelf.Pis, 3, "the shelf itself is as it was")
}
