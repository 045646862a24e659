package handover

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrInherited is what Inherited says of variables that make no sense.
var ErrInherited = errors.New("handover: bad list of inherited descriptors")

// execVar is how Exec tells the new program which descriptors are whose:
// "PID name=fd name=fd".
const execVar = "SERIALCON_FDS"

// firstListen is the first descriptor of sd_listen_fds(3).
const firstListen = 3

// maxFDs bounds what the environment can ask for.
const maxFDs = 1 << 16

type named struct {
	name string
	fd   int
}

// fromEnv reads both lists. Lists for another process are none.
func fromEnv(getenv func(string) string, pid int) ([]named, error) {
	listed, err := listenFDs(getenv, pid)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(getenv(execVar))
	if len(words) == 0 || words[0] != strconv.Itoa(pid) {
		return listed, nil
	}
	for _, word := range words[1:] {
		name, number, _ := strings.Cut(word, "=")
		fd, err := strconv.Atoi(number)
		if err != nil || fd < firstListen || name == "" {
			return nil, fmt.Errorf("%w: %s: %q", ErrInherited, execVar, word)
		}
		listed = append(listed, named{name, fd})
	}
	return listed, nil
}

func listenFDs(getenv func(string) string, pid int) ([]named, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return nil, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxFDs {
		return nil, fmt.Errorf("%w: LISTEN_FDS: %q", ErrInherited, getenv("LISTEN_FDS"))
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	var all []named
	for i := range n {
		name := "unknown" // as systemd says
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		all = append(all, named{name, firstListen + i})
	}
	return all, nil
}

// Inherited returns the descriptors that this process was given, by name, and
// takes the lists out of the environment. Of several with one name the last
// counts, and the others are closed. With an error, what was found before it is
// returned. Call it once, before anything is opened;
// close what is not used.
func Inherited() (map[string]*os.File, error) {
	list, err := fromEnv(os.Getenv, os.Getpid())
	for _, name := range []string{execVar, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	if err != nil {
		return nil, err
	}
	files := map[string]*os.File{}
	for _, n := range list {
		if err := closeOnExec(n.fd); err != nil {
			return files, fmt.Errorf("%w: %s is descriptor %d: %w", ErrInherited, n.name, n.fd, err)
		}
		if old := files[n.name]; old != nil {
			_ = old.Close()
		}
		files[n.name] = os.NewFile(uintptr(n.fd), n.name)
	}
	return files, nil
}
