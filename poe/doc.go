// Package poe switches the power of devices that get it from a network switch:
// on, off, off and on again, and how many watts.
package poe
