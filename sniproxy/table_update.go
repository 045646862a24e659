package sniproxy

import (
	"errors"
	"fmt"
	"io/fs"
)

// Places that are no names, for [Table.Update].
const (
	// DefaultPlace is that of Routes.Default.
	DefaultPlace = "*"
	// NoNamePlace is that of Routes.NoName.
	NoNamePlace = ""
)

// Update changes a part of the table: first the names of gone lead nowhere any more, then
// come is added. A site whose names stay while its decision changes is in both. What it
// costs depends on the change and hardly on what else is in the table.
//
// A name in gone is as in [Site], or [DefaultPlace] or [NoNamePlace]; one that is not
// there is an error that wraps [fs.ErrNotExist]. With an error the table stays as it was.
func (t *Table) Update(gone []string, come Routes) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now.Load()
	if now == nil {
		now = &routes{index: newNameIndex(0)}
	}
	next, err := now.with(gone, come)
	if err != nil {
		return err
	}
	t.now.Store(next)
	return nil
}

func (r *routes) with(gone []string, come Routes) (*routes, error) {
	next := &routes{fallback: r.fallback, noName: r.noName}
	leave, err := next.leaving(gone, &r.index)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range come.Sites {
		for _, name := range come.Sites[i].Names {
			key, err := routeKey(name)
			if err != nil {
				return nil, fmt.Errorf("sniproxy: site %q: %w", come.Sites[i].Site, err)
			}
			names = append(names, key)
		}
	}
	next.index = r.index.change(leave, names)
	var errs []error
	for i := range come.Sites {
		if err := next.add(&come.Sites[i], new(Decision)); err != nil {
			if errs = append(errs, err); len(errs) == maxSiteErrors {
				break
			}
		}
	}
	errs = append(errs, place(DefaultPlace, &next.fallback, come.Default), place(NoNamePlace, &next.noName, come.NoName))
	return next, errors.Join(errs...)
}

// leaving clears the places in gone, and returns its names.
func (r *routes) leaving(gone []string, index *nameIndex) (map[string]bool, error) {
	leave := make(map[string]bool, len(gone))
	for _, name := range gone {
		var key string
		var there bool
		var err error
		switch name {
		case DefaultPlace:
			there, r.fallback = r.fallback != nil, nil
		case NoNamePlace:
			there, r.noName = r.noName != nil, nil
		default:
			if key, err = routeKey(name); err != nil {
				return nil, fmt.Errorf("sniproxy: take out: %w", err)
			}
			there = index.find(key) != nil && !leave[key]
			leave[key] = true
		}
		if !there {
			return nil, fmt.Errorf("sniproxy: take out name %q: %w", name, fs.ErrNotExist)
		}
	}
	return leave, nil
}

// place puts a decision where none is.
func place(name string, at **Decision, d *Decision) error {
	what := "default"
	if name == NoNamePlace {
		what = "no-name"
	}
	own, err := special(what, d)
	if err != nil || own == nil {
		return err
	}
	if *at != nil {
		return fmt.Errorf("sniproxy: site %q: the %s is that of site %q too", own.Site, what, (*at).Site)
	}
	*at = own
	return nil
}
