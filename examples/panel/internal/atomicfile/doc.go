// Package atomicfile replaces small files so that whenever the machine stops, there is the
// old one or the new, and lets one process alone do it.
package atomicfile
