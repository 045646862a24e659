// Package serialcon keeps serial consoles: it reads each port always, writes
// every byte to a log first, and lets people watch and type.
package serialcon
