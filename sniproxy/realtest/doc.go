// Package realtest has no code of its own: its tests put a whole sniproxy.Server,
// by either engine, between real clients and real servers.
//
// Curl, OpenSSL, h2load, ab, Chromium and the hellos of other browsers go through
// it to nginx. Nginx, Apache and HAProxy take its PROXY headers, and HAProxy
// stands before it as a trusted front.
//
// The tests need the programs of .ci/packages. Without these a test is skipped, or
// fails with HOSTKIT_REQUIRE_E2E=1.
package realtest
