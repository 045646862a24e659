package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tree is a process and those it started.
func tree(pid int) []int {
	all := []int{pid}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return all
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, tree(child)...)
			}
		}
	}
	return all
}

// cpu is the time that a tree has spent on processors, to the nanosecond. Threads
// that ended are not in it; none of the proxies ends any.
func cpu(pid int) (total time.Duration) {
	for _, p := range tree(pid) {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		if err != nil {
			continue
		}
		for _, task := range tasks {
			text, err := os.ReadFile(task)
			if err != nil {
				continue
			}
			first, _, _ := strings.Cut(string(text), " ")
			if ns, err := strconv.ParseInt(first, 10, 64); err == nil {
				total += time.Duration(ns)
			}
		}
	}
	return total
}

// memory is a tree's proportional share in KiB.
func memory(pid int) (kib float64) {
	for _, p := range tree(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				n, err := strconv.ParseFloat(fields[1], 64)
				if err == nil {
					kib += n
				}
			}
		}
	}
	return kib
}

// descriptors are how many files a tree has open.
func descriptors(pid int) (n int) {
	for _, p := range tree(pid) {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p))
		if err == nil {
			n += len(entries)
		}
	}
	return n
}
