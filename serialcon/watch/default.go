package watch

import "regexp"

// Names of the patterns in Default.
const (
	KernelPanic = "kernel-panic"
	Oops        = "oops"
	Lockup      = "lockup"
	HungTask    = "hung-task"
	OutOfMemory = "out-of-memory"
	Filesystem  = "filesystem"
	Login       = "login"
)

// Silence is the name of a Match that tells of silence.
const Silence = "silence"

// Default returns patterns for Linux machines: kernel panic, oops, lockup, hung
// task, out of memory, errors of file systems and disks, login prompt.
func Default() []Pattern {
	return []Pattern{
		{Name: KernelPanic, Literals: []string{"Kernel panic - not syncing"}},
		{Name: Oops, Literals: []string{
			"Oops: ", "Oops - ", "kernel BUG at ", "BUG: unable to handle", "BUG: kernel NULL pointer",
			"Unable to handle kernel ", "general protection fault", "Internal error: ",
		}},
		{Name: Lockup, Literals: []string{
			"BUG: soft lockup", "hard LOCKUP", "self-detected stall on CPU", "detected stalls on CPUs",
		}},
		{Name: HungTask, Regexp: regexp.MustCompile(`INFO: task .{1,80} blocked for more than [0-9]+ seconds`)},
		{Name: OutOfMemory, Literals: []string{
			"Out of memory: Kill", "out of memory: Kill", "invoked oom-killer", "Out of memory and no killable processes",
		}},
		{Name: Filesystem, Literals: []string{
			"EXT4-fs error", "EXT3-fs error", "EXT2-fs error", "BTRFS error", "BTRFS critical", "F2FS-fs error",
			"Remounting filesystem read-only", "UNEXPECTED INCONSISTENCY", "Buffer I/O error on dev", "I/O error, dev ",
		}, Regexp: regexp.MustCompile(`XFS \([^)]{1,40}\): .{0,80}[Cc]orruption`)},
		{Name: Login, Prompt: true, Regexp: regexp.MustCompile(`(?:^|[ \t])login: ?$`)},
	}
}
