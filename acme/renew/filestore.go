package renew

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The names of files in the folder of a certificate.
const (
	keyFile   = "privkey.pem"
	certFile  = "cert.pem"
	chainFile = "chain.pem"
	fullFile  = "fullchain.pem"
	current   = "current"
	stateFile = "state.json"
)

// FileStore keeps certificates in a tree that services used to dehydrated's can
// read:
//
//	DIR/NAME/privkey.pem   the key
//	DIR/NAME/cert.pem      the certificate
//	DIR/NAME/chain.pem     the intermediates
//	DIR/NAME/fullchain.pem both
//	DIR/NAME/state.json    the [State]
//
// The first four are links into the folder that the link "current" leads to. A new
// certificate is a new folder, complete and on disk before that one link is renamed:
// whoever reads, and whatever ends the process or the machine, it is all of the old
// certificate or all of the new. A service that opens two of the files should be
// reloaded after the change, as ever. Folders have mode 0700 and files 0600 from
// their first moment, whatever the umask. Dir is required.
type FileStore struct {
	// Dir is the folder. It is made, but not its parent.
	Dir string
	// GroupReadable makes folders 0750 and files 0640, for services of the group
	// that Dir has: with its setgid bit set, what is made in it has its group.
	GroupReadable bool
	// Keep is how many certificates before the current one stay on disk. 0 is 2.
	Keep int

	step func(what string) error // before each change on disk, for tests
}

var _ Store = (*FileStore)(nil)

// Load implements [Store].
func (s *FileStore) Load(ctx context.Context, name string) (*Bundle, error) {
	dir, err := s.folder(name)
	if err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("renew: load %q: %w", name, err)
		}
		version, err := os.Readlink(filepath.Join(dir, current))
		if err != nil {
			return nil, fmt.Errorf("renew: load %q: %w", name, err)
		}
		b, err := readVersion(filepath.Join(dir, filepath.Base(version)))
		if errors.Is(err, fs.ErrNotExist) {
			if again, _ := os.Readlink(filepath.Join(dir, current)); again != version {
				continue // replaced, and pruned, as we read it
			}
		}
		if err != nil {
			return nil, fmt.Errorf("renew: load %q: %w", name, err)
		}
		return b, nil
	}
}

func readVersion(dir string) (*Bundle, error) {
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	full, err := os.ReadFile(filepath.Join(dir, fullFile))
	if err != nil {
		return nil, err
	}
	return &Bundle{KeyPEM: key, ChainPEM: full}, nil
}

// LoadState implements [Store].
func (s *FileStore) LoadState(_ context.Context, name string) ([]byte, error) {
	dir, err := s.folder(name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, fmt.Errorf("renew: load the state of %q: %w", name, err)
	}
	return text, nil
}

// SaveState implements [Store].
func (s *FileStore) SaveState(ctx context.Context, name string, state []byte) error {
	dir, err := s.make(name)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = s.replace(dir, stateFile, state)
	}
	if err != nil {
		return fmt.Errorf("renew: save the state of %q: %w", name, err)
	}
	return nil
}

// List implements [Store].
func (s *FileStore) List(ctx context.Context, fn func(name string) error) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("renew: list certificates: %w", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("renew: list certificates: %w", err)
		}
		if CheckName(e.Name()) != nil {
			continue
		}
		if _, err := os.Lstat(filepath.Join(s.Dir, e.Name(), current)); err != nil {
			continue // a folder without certificate
		}
		if err := fn(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// Lock implements [Store]: it locks the folder of the certificate against all other
// processes on this machine. It ends with the process.
func (s *FileStore) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	dir, err := s.make(name)
	if err != nil {
		return nil, nil, fmt.Errorf("renew: lock %q: %w", name, err)
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("renew: lock %q: %w", name, err)
	}
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		ok, err := tryFlock(f)
		if ok {
			break
		}
		if err == nil {
			select {
			case <-time.After(wait):
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		_ = f.Close()
		return nil, nil, fmt.Errorf("renew: lock %q: %w", name, err)
	}
	held, end := context.WithCancel(ctx)
	return held, sync.OnceValue(func() error {
		end()
		return f.Close()
	}), nil
}

// folder is that of a certificate. No name leads out of Dir.
func (s *FileStore) folder(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	if s.Dir == "" {
		return "", errors.New("renew: a FileStore needs Dir")
	}
	return filepath.Join(s.Dir, name), nil
}

// make makes the folder of a certificate if it is missing. What it makes stays, also if
// the machine goes down.
func (s *FileStore) make(name string) (string, error) {
	dir, err := s.folder(name)
	if err != nil {
		return "", err
	}
	for _, d := range []string{s.Dir, dir} {
		err := s.mkdir(d)
		if err == nil {
			err = s.sync(filepath.Dir(d))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	return dir, nil
}

// versions are the numbers of the folders of a certificate, in order.
func versions(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() && isVersion(e.Name()) {
			all = append(all, e.Name())
		}
	}
	return all, nil
}

func isVersion(name string) bool {
	return len(name) == 12 && strings.Trim(name, "0123456789") == ""
}
