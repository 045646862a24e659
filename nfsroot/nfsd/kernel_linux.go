package nfsd

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawHandle is struct file_handle of name_to_handle_at(2).
type rawHandle struct {
	size uint32
	kind int32
	data [128]byte
}

func (r *rawHandle) bytes() []byte { return r.data[:r.size] }

// rawHandleOf asks for the handle of a name in a directory, or of a descriptor
// where the name is empty. A symlink is not followed.
func rawHandleOf(dir int, name string, raw *rawHandle) (mount int, err error) {
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return 0, unix.EINVAL
	}
	flags := 0
	if name == "" {
		flags = unix.AT_EMPTY_PATH
	}
	raw.size = maxKernelHandle
	var id int32
	_, _, errno := unix.Syscall6(unix.SYS_NAME_TO_HANDLE_AT, uintptr(dir), uintptr(unsafe.Pointer(path)),
		uintptr(unsafe.Pointer(raw)), uintptr(unsafe.Pointer(&id)), uintptr(flags), 0)
	if errno != 0 {
		return 0, errno
	}
	if raw.kind < 0 || raw.kind > 255 || raw.size > maxKernelHandle {
		return 0, unix.EOPNOTSUPP
	}
	return int(id), nil
}

// openRaw opens what a handle names, as a path only, on the file system that
// mount is a descriptor of.
func openRaw(mount int, raw *rawHandle) (int, error) {
	for {
		fd, _, errno := unix.Syscall(unix.SYS_OPEN_BY_HANDLE_AT, uintptr(mount), uintptr(unsafe.Pointer(raw)),
			unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return -1, errno
		}
		return int(fd), nil
	}
}

// ofDescriptor is a path by which the kernel comes to what a descriptor is of,
// whatever its names are by now.
func ofDescriptor(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// reopen opens what a path descriptor is of for reading or writing.
func reopen(fd, flags int) (int, error) {
	for {
		got, err := unix.Open(ofDescriptor(fd), flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err != unix.EINTR {
			return got, err
		}
	}
}

func fstat(fd int) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st, err
}

const fsIocGetFSUUID = 0x80111500

// volumeName is what a file system calls itself, as far as it can be had: its
// UUID, or what statfs says. On btrfs that must not depend on the subvolume.
func volumeName(fd int) ([]byte, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return nil, fmt.Errorf("statfs: %w", err)
	}
	name := binary.BigEndian.AppendUint64(nil, uint64(st.Type))
	var uuid struct {
		size uint8
		uuid [16]byte
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), fsIocGetFSUUID, uintptr(unsafe.Pointer(&uuid)))
	if errno == 0 && uuid.size > 0 {
		return append(name, uuid.uuid[:min(uuid.size, 16)]...), nil
	}
	name = binary.BigEndian.AppendUint32(name, uint32(st.Fsid.Val[0]))
	if uint32(st.Type) == unix.BTRFS_SUPER_MAGIC {
		return name, nil
	}
	return binary.BigEndian.AppendUint32(name, uint32(st.Fsid.Val[1])), nil
}

// sync makes what a descriptor is of durable.
func syncFile(fd int) error {
	err := unix.Fsync(fd)
	if err == unix.EINVAL || err == unix.EROFS { // what cannot be synced has nothing to lose
		return nil
	}
	return err
}
