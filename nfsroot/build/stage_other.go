//go:build !linux

package build

import (
	"errors"
	"io/fs"
	"os"
)

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func swap(string, string) (string, error) { return "", errors.ErrUnsupported }

func syncTree(string) error { return errors.ErrUnsupported }

func stat(fs.FileInfo) (owner, inode) { return owner{}, inode{} }

func changeTime(fs.FileInfo) int64 { return 0 }
