package realtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Pi sends frames with tags of its own making. Where each comes out is heard
// at the file server's interfaces and at the other Pi.
func TestRealInjection(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.serve()
	s.apply()
	w := newWatch(t, s)

	for _, c := range []struct {
		name string
		tags []tag
		want string
	}{
		{"untagged", nil, "eth0.11"},
		{"the port's own VLAN", q(11), "eth0.11"},
		{"priority tag", q(0), "eth0.11"},
		{"another Pi's VLAN", q(12), ""},
		{"the public VLAN", q(131), "eth0.131"},
		{"VLAN 1", q(1), ""},
		{"a VLAN nobody has", q(4000), ""},
		{"double tag from the own VLAN", q(11, 12), "eth0.11[12]"},
		{"double tag from the public VLAN", q(131, 12), "eth0.131[12]"},
		{"double tag from another Pi's", q(12, 11), ""},
		{"double priority tag", q(0, 12), "eth0.11[12]"},
		{"provider tag", []tag{{tag1AD, 12}}, ""},
		{"provider tag outside", []tag{{tag1AD, 11}, {tag1Q, 12}}, "eth0.11[12]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, w.inject(t, c.tags))
		})
	}
}

// The same frames, and what a switch does with them that was set up by hand in
// one of the ways that look right.
func TestRealInjectionOpen(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.serve()
	w := newWatch(t, s)
	for _, c := range []struct {
		name string
		do   []string
		tags []tag
		want string
	}{
		{"the trunk's untagged VLAN is a Pi's", []string{"set", "port", "swtrunk", "tag=11", "vlan_mode=native-untagged"}, q(11, 12), "eth0.12"},
		{"a Pi's port still allows all VLANs", []string{"set", "port", "swp1", "trunks=[]"}, q(12), "eth0.12"},
		{"ports are not isolated", []string{"set", "port", "swp1", "protected=false"}, q(131), "eth0.131 pi2[131]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.apply()
			require.NotEqual(t, c.want, w.inject(t, c.tags))
			s.ovs.Control(c.do...)
			s.ovs.Flush()
			require.Equal(t, c.want, w.inject(t, c.tags))
		})
	}
}

// watch hears what comes out of the shelf's switch.
type watch struct {
	pi1    *port // where frames go in
	ears   []ear
	serial int
}

// ear is a place where frames come out. Its fence sends a frame that surely
// comes out there.
type ear struct {
	name  string
	port  *port
	fence func(frame)
}

func newWatch(t *testing.T, s *shelf) *watch {
	t.Helper()
	w := &watch{pi1: openPort(t, s.pis[0], "eth0")}
	tagged := func(p *port, tags []tag) func(frame) {
		return func(f frame) {
			f.tags = tags
			p.send(f)
		}
	}
	public := ear{"eth0.131", openPort(t, s.fs, "eth0.131"), tagged(w.pi1, q(131))}
	trunk, swp2 := openPort(t, s.sw, "swtrunk"), openPort(t, s.sw, "swp2")
	w.ears = []ear{
		public, public,
		{"eth0.11", openPort(t, s.fs, "eth0.11"), tagged(trunk, q(11))},
		{"eth0.12", openPort(t, s.fs, "eth0.12"), tagged(trunk, q(12))},
		{"pi2", openPort(t, s.pis[1], "eth0"), swp2.send},
	}
	return w
}

// inject sends a frame from the first Pi to everybody, and tells where it came
// out and with which tags.
//
// Absence needs no waiting. The Pi's own frame in the public VLAN, which is
// allowed, follows the other through the switch, and does so twice, because the
// switch may send out what it took in together in any order. Then the switch is
// done with the first, and what it made of it is in the cables before whatever
// is put into these afterwards.
func (w *watch) inject(t *testing.T, tags []tag) string {
	t.Helper()
	w.serial++
	mark := fmt.Sprintf("frame %d.", w.serial)
	w.pi1.send(frame{tags: tags, kind: typeMark, payload: []byte(mark)})
	var heard []string
	for i, e := range w.ears {
		fence := fmt.Sprintf("fence %d of %s", i, mark)
		e.fence(frame{kind: typeMark, payload: []byte(fence)})
		for {
			f := e.port.next()
			text := strings.TrimRight(string(f.payload), "\x00")
			if text == mark {
				heard = append(heard, at(e.name, f.tags))
			}
			if text == fence {
				break
			}
		}
	}
	slices.Sort(heard)
	return strings.Join(heard, " ")
}

// at is a place and the tags that a frame still has there.
func at(name string, tags []tag) string {
	if len(tags) == 0 {
		return name
	}
	var vids []string
	for _, t := range tags {
		vids = append(vids, fmt.Sprint(t.vid))
	}
	return name + "[" + strings.Join(vids, " ") + "]"
}
