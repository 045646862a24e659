//go:build !linux

package conlog

import "os"

const noFollow = 0

func openDir(dir string) (*os.File, error) { return os.Open(dir) }

func dataSync(f *os.File) error { return f.Sync() }
