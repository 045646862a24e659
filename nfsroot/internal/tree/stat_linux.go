package tree

import (
	"io/fs"
	"syscall"
)

// StatOf returns what is known of a file; ok is false when that is nothing.
func StatOf(fi fs.FileInfo) (s Stat, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return Stat{}, false
	}
	rdev := uint64(st.Rdev) //nolint:unconvert // its type differs between architectures
	return Stat{
		Dev:       uint64(st.Dev), //nolint:unconvert // see above
		Ino:       st.Ino,
		Links:     links(fi),
		UID:       st.Uid,
		GID:       st.Gid,
		Major:     uint32(rdev>>8&0xfff | rdev>>32&^0xfff),
		Minor:     uint32(rdev&0xff | rdev>>12&^0xff),
		Allocated: st.Blocks * 512,
	}, true
}

func device(fi fs.FileInfo) uint64 {
	s, _ := StatOf(fi)
	return s.Dev
}
