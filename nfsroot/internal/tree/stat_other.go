//go:build !linux

package tree

import "io/fs"

// StatOf returns what is known of a file; ok is false when that is nothing.
func StatOf(fs.FileInfo) (s Stat, ok bool) { return Stat{}, false }

func device(fs.FileInfo) uint64 { return 0 }
