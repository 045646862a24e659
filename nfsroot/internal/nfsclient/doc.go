// Package nfsclient speaks NFS version 3, MOUNT and portmap as a client, for
// tests and measurements of servers.
//
//	c, err := nfsclient.Dial(ctx, "10.77.0.1:2049", nfsclient.Options{})
//	root, err := c.Mount(ctx, "/srv/pi1/root")
//	attr, err := c.GetAttr(ctx, root)
//
// It caches nothing, retries nothing and makes each call as it is told to: as
// which user is said by [Conn.As]. Calls may be made at the same time, on one
// connection. The kernel's client is the one that counts; this one asks what the
// kernel never would.
package nfsclient
