package nfsd

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

var statusByErrno = map[unix.Errno]status{
	unix.EPERM: statusPerm, unix.ENOENT: statusNoEnt, unix.EIO: statusIO, unix.ENXIO: statusNXIO,
	unix.EACCES: statusAccess, unix.EEXIST: statusExist, unix.EXDEV: statusXDev, unix.ENODEV: statusNoDev,
	unix.ENOTDIR: statusNotDir, unix.EISDIR: statusIsDir, unix.EINVAL: statusInval, unix.EFBIG: statusFBig,
	unix.EOVERFLOW: statusFBig, unix.ENOSPC: statusNoSpace, unix.EROFS: statusROFS, unix.EMLINK: statusMLink,
	unix.ENAMETOOLONG: statusNameTooLong, unix.ENOTEMPTY: statusNotEmpty, unix.EDQUOT: statusDQuot,
	unix.ESTALE: statusStale, unix.EOPNOTSUPP: statusNotSupp, unix.ENOSYS: statusNotSupp, unix.ETXTBSY: statusAccess,
	unix.ELOOP: statusInval, unix.EBUSY: statusAccess, unix.EBADF: statusServerFault,
	unix.ENOMEM: statusJukebox, unix.EMFILE: statusJukebox, unix.ENFILE: statusJukebox, unix.EAGAIN: statusJukebox,
}

// refusal is an error that has no number in the system.
type refusal status

func (r refusal) Error() string { return "nfsd: status " + strconv.Itoa(int(r)) }

// statusOf is what a client is told of an error of the system.
func statusOf(err error) status {
	var errno unix.Errno
	var refused refusal
	switch {
	case err == nil:
		return statusOK
	case errors.As(err, &refused):
		return status(refused)
	case !errors.As(err, &errno):
		return statusServerFault
	}
	if st, ok := statusByErrno[errno]; ok {
		return st
	}
	return statusIO
}
