// Package access is the one place that says who may do what to the house.
package access
