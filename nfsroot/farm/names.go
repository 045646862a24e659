package farm

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// ErrName is why a name of a Pi or a base was refused.
var ErrName = errors.New("bad name")

var (
	// RFC 1123 section 2.1, lower case only: a name is a folder's, too.
	label    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	baseName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
)

// CheckName refuses names of Pis that are no RFC 1123 label in lower case.
func CheckName(name string) error {
	if !label.MatchString(name) {
		return fmt.Errorf("%w %q: not a host name's label in lower case", ErrName, name)
	}
	return nil
}

func checkBase(name string) error {
	if !baseName.MatchString(name) {
		return fmt.Errorf("%w %q of a base", ErrName, name)
	}
	return nil
}

// layout knows where things are in a farm.
type layout struct{ dir string }

func (l layout) serve(name string) string       { return path.Join(l.dir, "serve", name) }
func (l layout) served(name string) string      { return path.Join(l.dir, "serve", name, "root") }
func (l layout) base(name string) string        { return path.Join(l.dir, "bases", name) }
func (l layout) generations(name string) string { return path.Join(l.dir, "generations", name) }
func (l layout) generation(name string, id int) string {
	return path.Join(l.generations(name), strconv.Itoa(id))
}
func (l layout) staging() string { return path.Join(l.dir, "staging") }
func (l layout) staged(name string, id int) string {
	return path.Join(l.staging(), name+"."+strconv.Itoa(id))
}
func (l layout) trash() string             { return path.Join(l.dir, "trash") }
func (l layout) states() string            { return path.Join(l.dir, "state") }
func (l layout) state(name string) string  { return path.Join(l.states(), name+".json") }
func (l layout) pushes() string            { return path.Join(l.dir, "push") }
func (l layout) pushed(name string) string { return path.Join(l.pushes(), name+".json") }
func (l layout) lock(name string) string   { return path.Join(l.dir, "locks", name) }

// folders of a farm. No user of the server but root may enter them: there are
// setuid programs of the Pis in some.
var folders = map[string]uint32{
	"serve": 0o700, "bases": 0o700, "generations": 0o700, "staging": 0o700, "trash": 0o700,
	"state": 0o700, "push": 0o700, "locks": 0o700,
}

// stagedName is the reverse of layout.staged.
func stagedName(entry string) (name string, ok bool) {
	name, id, found := strings.Cut(entry, ".")
	_, err := strconv.Atoi(id)
	return name, found && err == nil && CheckName(name) == nil
}
