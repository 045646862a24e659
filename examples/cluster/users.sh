#!/bin/sh
# Users of etcd, each with what it needs and no more. A client is who its certificate
# says (CN), so that there are no passwords. Run it once, with the certificate of root
# in ETCDCTL_CERT and ETCDCTL_KEY, beside ETCDCTL_ENDPOINTS and ETCDCTL_CACERT.
set -eu
export ETCDCTL_API=3
user() {
	etcdctl role add "$1"
	etcdctl role grant-permission "$1" --prefix=true "$2" "/hostkit/$1/"
	etcdctl user add --no-password "$1"
	etcdctl user grant-role "$1" "$1"
}
etcdctl role add root
etcdctl user add --no-password root
etcdctl user grant-role root root
user sniproxyd read
user netbootd read
user dnssecd readwrite
user acmed readwrite
etcdctl auth enable
