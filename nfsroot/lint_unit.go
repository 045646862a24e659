package nfsroot

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

func unitRules() []Rule {
	return []Rule{
		{
			Name:  "timers",
			Finds: "Timers that go off on every machine within half an hour, and jobs for disks.",
			Why:   "96 machines that read the same files from one server at midnight make each other wait. Trimming and scrubbing have nothing to do over NFS.",
			Mend:  "Gives the timer a random delay of up to six hours, or masks the job.",
			check: checkTimers,
		},
		{
			Name:  "journald",
			Finds: "A journal that is kept in /var/log/journal.",
			Why:   "Every line is written to the server and synced there, mapped files over NFS are its weak side, and it grows.",
			Mend:  "Says Storage=volatile.",
			check: checkJournal,
		},
	}
}

const etcUnits = "etc/systemd/system"

// unitDirs are where units are, the first of a name wins. On a tree with a
// merged /usr the last two are the same.
var unitDirs = []string{etcUnits, "usr/lib/systemd/system", "lib/systemd/system"}

// findUnmasked notes a unit unless it is masked already.
func (l *linter) findUnmasked(s Severity, unit, message string) {
	at := path.Join(etcUnits, unit)
	if l.masked(at) || slices.ContainsFunc(l.faults, func(f fault) bool { return f.Path == at && f.Rule == l.rule.Name }) {
		return
	}
	l.find(s, at, func() error { return tree.Symlink(l.root, "/dev/null", at) }, "%s", message)
}

// masked reports whether a unit in /etc is a link to /dev/null or empty
// (systemd.unit(5)).
func (l *linter) masked(at string) bool {
	fi, err := l.root.Lstat(at)
	if err != nil {
		return false
	}
	if fi.Mode().Type() == fs.ModeSymlink {
		target, err := l.root.Readlink(at)
		return err == nil && target == "/dev/null"
	}
	return fi.Mode().IsRegular() && fi.Size() == 0
}

// diskUnits have nothing to do on a machine without a disk.
var diskUnits = []string{"e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"}

func checkTimers(l *linter) error {
	for _, unit := range diskUnits {
		if l.unitFile(unit) != "" {
			l.findUnmasked(Warning, unit, "is a job for disks")
		}
	}
	timers, err := l.enabledTimers()
	if err != nil {
		return err
	}
	for _, timer := range timers {
		if slices.Contains(diskUnits, timer) || l.masked(path.Join(etcUnits, timer)) {
			continue
		}
		if err := l.checkTimer(timer); err != nil {
			return err
		}
	}
	return nil
}

// unitFile returns the path of a unit, "" if there is none.
func (l *linter) unitFile(unit string) string {
	for _, dir := range unitDirs {
		if at := path.Join(dir, unit); l.exists(at) {
			return at
		}
	}
	return ""
}

func (l *linter) enabledTimers() ([]string, error) {
	var timers []string
	for _, dir := range unitDirs {
		wanted, err := l.files(path.Join(dir, "timers.target.wants"), ".timer")
		if err != nil {
			return nil, err
		}
		for _, at := range wanted {
			timers = append(timers, path.Base(at))
		}
	}
	slices.Sort(timers)
	return slices.Compact(timers), nil
}

const enoughDelay, timerDropIn = 30 * time.Minute, "zz-nfsroot.conf"

func (l *linter) checkTimer(timer string) error {
	sections, err := l.unitSections(timer)
	if err != nil {
		return err
	}
	delay, _ := parseTimeSpan(lastOf(values(sections, "Timer", "RandomizedDelaySec")))
	if delay >= enoughDelay || !slices.ContainsFunc(values(sections, "Timer", "OnCalendar"), isDailyOrRarer) {
		return nil
	}
	at := path.Join(etcUnits, timer+".d", timerDropIn)
	l.find(Warning, at, func() error {
		return tree.WriteFile(l.root, at, tree.File{Data: []byte("[Timer]\nRandomizedDelaySec=6h\n")})
	}, "%s goes off on every machine at once", timer)
	return nil
}

// unitSections returns the sections of a unit, those of its drop-ins last, in
// the order of their names.
func (l *linter) unitSections(unit string) ([]section, error) {
	var dropIns []string
	for _, dir := range unitDirs {
		found, err := l.files(path.Join(dir, unit+".d"), ".conf")
		if err != nil {
			return nil, err
		}
		dropIns = append(dropIns, found...)
	}
	slices.SortStableFunc(dropIns, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	var sections []section
	for _, at := range append([]string{l.unitFile(unit)}, dropIns...) {
		if at == "" {
			continue
		}
		text, err := l.read(at)
		if err != nil {
			return nil, err
		}
		sections = append(sections, parseSections(text)...)
	}
	return sections, nil
}

// isDailyOrRarer reports whether a calendar expression of systemd.time(7) goes
// off at most every few hours. What runs each hour or minute has to be cheap.
func isDailyOrRarer(calendar string) bool {
	if calendar == "" || calendar == "minutely" || calendar == "hourly" {
		return false
	}
	for field := range strings.FieldsSeq(calendar) {
		if hour, _, ok := strings.Cut(field, ":"); ok && strings.HasPrefix(hour, "*") {
			return false
		}
	}
	return true
}

// timeUnits are those of systemd.time(7) that a delay may be in.
var timeUnits = []struct {
	names []string
	unit  time.Duration
}{
	{[]string{"", "s", "sec", "second", "seconds"}, time.Second},
	{[]string{"ms", "msec"}, time.Millisecond},
	{[]string{"us", "usec"}, time.Microsecond},
	{[]string{"m", "min", "minute", "minutes"}, time.Minute},
	{[]string{"h", "hr", "hour", "hours"}, time.Hour},
	{[]string{"d", "day", "days"}, 24 * time.Hour},
	{[]string{"w", "week", "weeks"}, 7 * 24 * time.Hour},
}

// parseTimeSpan reads a time span of systemd.time(7), as "1h 30min" or "6000".
func parseTimeSpan(s string) (time.Duration, bool) {
	var sum time.Duration
	for s = strings.TrimSpace(s); s != ""; {
		digits := strings.TrimLeft(s, "0123456789.")
		number, err := strconv.ParseFloat(s[:len(s)-len(digits)], 64)
		if err != nil {
			return 0, false
		}
		rest := strings.TrimLeft(strings.TrimSpace(digits), "abcdefghijklmnopqrstuvwxyz")
		name := strings.TrimSuffix(strings.TrimSpace(digits), rest)
		i := slices.IndexFunc(timeUnits, func(u struct {
			names []string
			unit  time.Duration
		}) bool {
			return slices.Contains(u.names, name)
		})
		if i < 0 {
			return 0, false
		}
		sum += time.Duration(number * float64(timeUnits[i].unit))
		s = strings.TrimSpace(rest)
	}
	return sum, true
}

const journalDropIn = "etc/systemd/journald.conf.d/zz-nfsroot.conf"

func checkJournal(l *linter) error {
	if !l.exists("usr/lib/systemd/systemd-journald") && !l.exists("lib/systemd/systemd-journald") {
		return nil
	}
	storage, err := l.journalStorage()
	if err != nil || storage == "volatile" || storage == "none" {
		return err
	}
	if storage != "persistent" && !l.exists("var/log/journal") {
		return nil // auto, and nowhere to keep it
	}
	l.find(Warning, journalDropIn, func() error {
		return tree.WriteFile(l.root, journalDropIn, tree.File{Data: []byte("[Journal]\nStorage=volatile\n")})
	}, "the journal is kept in /var/log/journal")
	return nil
}

// journalStorage returns what holds of all the files of journald.conf(5).
func (l *linter) journalStorage() (string, error) {
	var dropIns []string
	for _, dir := range []string{"etc/systemd/journald.conf.d", "usr/lib/systemd/journald.conf.d"} {
		found, err := l.files(dir, ".conf")
		if err != nil {
			return "", err
		}
		dropIns = append(dropIns, found...)
	}
	slices.SortStableFunc(dropIns, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	storage := "auto"
	for _, at := range append([]string{"etc/systemd/journald.conf"}, dropIns...) {
		text, err := l.read(at)
		if err != nil {
			return "", err
		}
		if v := lastOf(values(parseSections(text), "Journal", "Storage")); v != "" {
			storage = v
		}
	}
	return storage, nil
}
