package build

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// Stage is a part of a build.
type Stage string

// The stages of a build, in order. A root out of the cache has only Cached and
// Publish.
const (
	Prepare   Stage = "prepare"   // locks, caches
	Cached    Stage = "cached"    // the root was built before and is taken from there
	Update    Stage = "update"    // package lists
	Download  Stage = "download"  // packages
	Unpack    Stage = "unpack"    // packages, in the root
	Configure Stage = "configure" // packages' own scripts run
	Finish    Stage = "finish"    // kernel modules, trimming, files
	Archive   Stage = "archive"   // the digest, and the copy for the cache
	Publish   Stage = "publish"   // to where the caller wants it
)

// Event is a step of a build.
type Event struct {
	Stage Stage
	// Fraction is how much of the build is done, from 0 to 1. It never falls.
	Fraction float64
	// Package is the one at work, if any.
	Package string
}

// begins is the fraction that is done when a stage begins, by times measured.
// Where packages are counted it is what goes before all of them.
var begins = map[Stage]float64{
	Prepare: 0, Cached: 0.1, Update: 0.02, Download: packagesBegin, Unpack: packagesBegin,
	Configure: packagesBegin, Finish: packagesEnd, Archive: 0.94, Publish: 0.98,
}

const packagesBegin, packagesEnd = 0.05, 0.9

// weights are what a package costs in each stage.
var weights = map[Stage]float64{Download: 0.2, Unpack: 0.4, Configure: 0.4}

// usualPackages is how many a root has, until apt has said more: it installs the
// essential ones before it counts the others.
const usualPackages = 135

// tailLines is how much of the log an error carries.
const tailLines = 60

// progress turns the tools' output into events, and keeps its end for errors.
// It is the Log of a [Command].
type progress struct {
	emit func(Event)
	line func(string) // each line, for the log

	mu    sync.Mutex // guards what follows
	part  []byte     // a line that has not ended
	tail  []string
	stage Stage
	done  float64
	want  int // packages, as far as apt has counted
	seen  map[Stage]map[string]bool
}

func newProgress(emit func(Event), line func(string)) *progress {
	return &progress{emit: emit, line: line, seen: map[Stage]map[string]bool{}}
}

// maxLine bounds a line that never ends.
const maxLine = 64 << 10

// Write implements io.Writer.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = append(p.part, b...)
	for {
		line, rest, found := bytes.Cut(p.part, []byte("\n"))
		if !found && len(p.part) < maxLine {
			return len(b), nil
		}
		p.part = rest
		p.take(strings.TrimRight(string(line), "\r"))
	}
}

func (p *progress) take(line string) {
	p.tail = append(p.tail, line)
	p.tail = p.tail[max(0, len(p.tail)-tailLines):]
	p.line(line)
	if stage, pkg := parseLine(line); stage != "" {
		p.event(stage, pkg)
	}
	p.want += newlyInstalled(line)
}

// enter is for the stages that are not the tools'.
func (p *progress) enter(s Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.event(s, "")
}

func (p *progress) event(s Stage, pkg string) {
	p.stage = s
	if pkg != "" {
		if p.seen[s] == nil {
			p.seen[s] = map[string]bool{}
		}
		p.seen[s][pkg] = true
	}
	p.done = max(p.done, begins[s], p.packages())
	p.emit(Event{Stage: s, Fraction: p.done, Package: pkg})
}

// packages is the fraction that the packages seen so far make of the build.
func (p *progress) packages() float64 {
	if len(p.seen) == 0 {
		return 0
	}
	most, done := max(p.want, usualPackages), 0.0
	for s, names := range p.seen {
		done += weights[s] * min(1, float64(len(names))/float64(most))
	}
	return packagesBegin + (packagesEnd-packagesBegin)*done
}

// state returns the stage that is at work and the end of the log.
func (p *progress) state() (Stage, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stage, append([]string(nil), p.tail...)
}

// parseLine knows the lines of mmdebstrap, debootstrap, apt-get and dpkg that
// say what is being done.
func parseLine(line string) (Stage, string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", ""
	}
	switch words[0] {
	case "Unpacking", "Extracting":
		return Unpack, packageName(words[1])
	case "Setting":
		if words[1] == "up" && len(words) > 2 {
			return Configure, packageName(words[2])
		}
	case "Configuring":
		return Configure, packageName(words[1])
	case "I:":
		return parseInfo(words[1:])
	}
	if strings.HasPrefix(words[0], "Get:") && len(words) > 4 {
		return parseGet(words)
	}
	return "", ""
}

// parseGet reads "Get:7 URL SUITE/COMPONENT ARCH NAME ARCH VERSION [SIZE]",
// where an index has no version, and a Release file no architecture either.
func parseGet(words []string) (Stage, string) {
	if len(words) >= 8 {
		return Download, words[4]
	}
	return Update, ""
}

func parseInfo(words []string) (Stage, string) {
	switch words[0] {
	case "running", "Resolving", "Checking":
		if words[0] == "Checking" || strings.HasPrefix(words[len(words)-1], "update") || words[0] == "Resolving" {
			return Update, ""
		}
	case "downloading":
		return Download, ""
	case "Retrieving":
		if len(words) == 3 { // a package and its version; an index has a suite
			return Download, words[1]
		}
		return Update, ""
	case "extracting":
		return Unpack, ""
	case "Validating":
		return Download, words[1]
	case "Extracting", "Unpacking":
		return Unpack, packageName(words[1])
	case "Configuring":
		return Configure, packageName(words[1])
	}
	return "", ""
}

// packageName cuts the architecture and the dots of "libc6:amd64...".
func packageName(word string) string {
	name, _, _ := strings.Cut(strings.TrimRight(word, "."), ":")
	return name
}

// newlyInstalled reads apt's "0 upgraded, 79 newly installed, …".
func newlyInstalled(line string) int {
	before, _, found := strings.Cut(line, " newly installed")
	if !found {
		return 0
	}
	n, err := strconv.Atoi(before[strings.LastIndexByte(before, ' ')+1:])
	if err != nil {
		return 0
	}
	return n
}
