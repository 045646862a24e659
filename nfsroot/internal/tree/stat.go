package tree

// A Stat is what Linux knows of a file beyond [fs.FileInfo].
type Stat struct {
	Dev, Ino  uint64
	Links     uint64
	UID, GID  uint32
	Major     uint32 // of a device node
	Minor     uint32
	Allocated int64 // bytes on disk
}
