package farm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	slash "path"
	"path/filepath"
	"strconv"
	"strings"
)

const stagePrefix = "push-"

// stage copies the source to the filesystem of the roots, once, and puts it on
// disk: what shares its blocks later is never a file without its content.
func (f *Farm) stage(ctx context.Context, src fs.FS, o PushOptions) (s *stage, err error) {
	dir := filepath.Join(f.staging(), stagePrefix+rand.Text())
	unlock, err := lockFile(dir + ".lock") // for sweepStages
	if err != nil {
		return nil, err
	}
	drop := func(context.Context) error {
		defer unlock()
		return errors.Join(os.RemoveAll(dir), os.Remove(dir+".lock"))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, drop(ctx))
		}
	}()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	s = &stage{dir: dir, mode: o.DirMode.Perm(), drop: drop, inDir: make(map[string][]stagedFile)}
	if s.mode == 0 {
		s.mode = 0o755
	}
	err = fs.WalkDir(src, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case strings.ContainsRune(path, 0) || strings.HasPrefix(filepath.Base(path), tempPrefix):
			return fmt.Errorf("%q: %w", path, ErrUnsafePath)
		case path == ".":
			return nil
		case d.IsDir():
			s.dirs = append(s.dirs, path)
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%q is neither a file nor a folder: %w", path, fs.ErrInvalid)
		}
		return s.add(src, path, o.FileMode)
	})
	if err != nil {
		return nil, fmt.Errorf("read the source: %w", err)
	}
	return s, nil
}

func (s *stage) add(src fs.FS, path string, mode fs.FileMode) error {
	in, err := src.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	file := stagedFile{path: path, at: filepath.Join(s.dir, strconv.Itoa(len(s.files))), mode: mode.Perm()}
	if file.mode == 0 {
		file.mode = info.Mode().Perm()
	}
	if file.mode == 0 {
		file.mode = 0o644
	}
	out, err := os.OpenFile(file.at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	file.size, err = io.Copy(io.MultiWriter(out, hash), in)
	if err == nil {
		err = out.Sync()
	}
	file.sum = hex.EncodeToString(hash.Sum(nil))
	s.files = append(s.files, file)
	folder := slash.Dir(path)
	s.inDir[folder] = append(s.inDir[folder], file)
	return errors.Join(err, out.Close())
}

// sweepStages removes what killed pushes staged.
func (f *Farm) sweepStages(context.Context) error {
	all, err := children(f.staging())
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range all {
		dir, found := strings.CutSuffix(path, ".lock")
		if !found || !strings.HasPrefix(filepath.Base(path), stagePrefix) {
			continue
		}
		unlock, err := lockFile(path)
		if errors.Is(err, errLocked) {
			continue
		}
		if err == nil {
			err = errors.Join(os.RemoveAll(dir), removeIfThere(path))
			unlock()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
