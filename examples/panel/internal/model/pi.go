package model

import (
	"net/netip"
	"time"
)

// Shelf is a shelf of Pis and the switch that feeds them.
type Shelf struct {
	Name   string `json:"name"`
	Switch Switch `json:"switch"`
	// Pis are in the order of their slots.
	Pis []Pi `json:"pis"`
}

// Switch is a managed switch that powers Pis.
type Switch struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	// Watts are drawn of Budget.
	Watts  float64 `json:"watts"`
	Budget float64 `json:"budget_watts"`
	// Problem says in words what is wrong with it. "" is nothing.
	Problem string `json:"problem,omitempty"`
}

// Power is whether a Pi has power.
type Power string

// The states of power.
const (
	PowerUnknown Power = "unknown"
	PowerOff     Power = "off"
	PowerOn      Power = "on"
)

// PowerAction is a button.
type PowerAction string

// The actions.
const (
	SwitchOn  PowerAction = "on"
	SwitchOff PowerAction = "off"
	Cycle     PowerAction = "cycle"
)

// Pi is a diskless machine.
type Pi struct {
	Name  string `json:"name"`
	Owner string `json:"owner"`
	Model string `json:"model"`
	// Serial is the board's, in hex.
	Serial string `json:"serial"`
	Shelf  string `json:"shelf"`
	// Slot is its place, from 1. Port is the switch's.
	Slot   int    `json:"slot"`
	Switch string `json:"switch"`
	Port   int    `json:"port"`
	// VLAN is its private one, PublicVLAN the tagged one.
	VLAN       int `json:"vlan"`
	PublicVLAN int `json:"public_vlan"`
	// Address is its private one, FileServer the address of the server there, Public
	// its IPv6 one.
	Address    netip.Prefix `json:"address"`
	FileServer netip.Addr   `json:"file_server"`
	Public     netip.Addr   `json:"public"`

	Power Power   `json:"power"`
	Watts float64 `json:"watts"`
	// Boot is the one that is going on, or the last.
	Boot Boot `json:"boot"`
	// Root is the generation of its root, from 1, and when it was made.
	Root     int       `json:"root"`
	RootMade time.Time `json:"root_made,omitzero"`
	// Console is whether its console is connected.
	Console bool `json:"console"`
	// Busy says in words what the house does with it just now. "" is nothing.
	Busy string `json:"busy,omitempty"`
	// Problem says in words what is wrong that the house cannot mend, or is about to.
	// "" is nothing.
	Problem string `json:"problem,omitempty"`
}

// Class is how far a boot is, in the few words that pages colour.
type Class string

// The classes.
const (
	Off     Class = "off"
	Asking  Class = "asking"
	Loading Class = "loading"
	Up      Class = "up"
	Stalled Class = "stalled"
	Dead    Class = "dead"
)

// Boot is one boot of a Pi.
type Boot struct {
	// Began is when it asked for an address first.
	Began time.Time `json:"began,omitzero"`
	// Up is since when it is up. Zero is not.
	Up time.Time `json:"up,omitzero"`
	// Ended is when its power went, or it began to boot again.
	Ended time.Time `json:"ended,omitzero"`
	Class Class     `json:"class"`
	// Stage says how far it is, in words.
	Stage string `json:"stage"`
	// Loaded bytes of Total, of which File is the latest.
	Loaded int64  `json:"loaded"`
	Total  int64  `json:"total"`
	File   string `json:"file,omitempty"`
	// Resent is how many packets had to be sent again.
	Resent int `json:"resent"`
	// Diagnosis says what was wrong with it and what to do. "" is nothing.
	Diagnosis string `json:"diagnosis,omitempty"`
}
