// Package webpeer starts real web servers and proxies for tests: nginx, Apache
// and HAProxy, each with a listener of every kind, its own folder and its logs
// at hand. They run as children of the test, on loopback.
package webpeer
