package main

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// metrics are those that are counted as things happen. No label is a stranger's
// word: of names only those of sites are labels.
type metrics struct {
	helloBytes, helloTime prometheus.Histogram
	dial                  *prometheus.HistogramVec
	header                *prometheus.CounterVec
	requests              *prometheus.CounterVec
}

func newMetrics(r *prometheus.Registry) *metrics {
	m := &metrics{
		helloBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sniproxy_hello_bytes", Help: "Sizes of ClientHellos.",
			Buckets: []float64{256, 512, 1024, 1500, 2048, 4096, 8192, 16384, 65536},
		}),
		helloTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sniproxy_hello_seconds", Help: "Time from accept until the ClientHello was whole.",
			Buckets: []float64{.001, .005, .02, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		dial: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sniproxy_backend_dial_seconds", Help: "Time that attempts to reach a server took, by result.",
			Buckets: []float64{.001, .005, .02, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"result"}),
		header: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sniproxy_proxy_header_total", Help: "PROXY headers by version, direction and result.",
		}, []string{"version", "direction", "result"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sniproxy_http_requests_total", Help: "HTTP requests by site and status.",
		}, []string{"site", "code"}),
	}
	r.MustRegister(m.helloBytes, m.helloTime, m.dial, m.header, m.requests)
	return m
}

func (m *metrics) connection(r *sniproxy.Record) {
	if r.Proto != sniproxy.HTTP && r.HelloSize > 0 {
		m.helloBytes.Observe(float64(r.HelloSize))
		m.helloTime.Observe(r.HelloTook.Seconds())
	}
	if r.ProxyIn != 0 || r.Result == sniproxy.BadProxyHeader {
		result := "ok"
		if r.Result == sniproxy.BadProxyHeader {
			result = "bad"
		}
		m.header.WithLabelValues(r.ProxyIn.String(), "in", result).Inc()
	}
	if r.ProxyOut != 0 {
		m.header.WithLabelValues(r.ProxyOut.String(), "out", "ok").Inc()
	}
}

func (m *metrics) request(r *sniproxy.Record) {
	m.requests.WithLabelValues(r.Site, strconv.Itoa(r.Status)).Inc()
}

func (m *metrics) dialled(_ string, _ netip.AddrPort, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.dial.WithLabelValues(result).Observe(took.Seconds())
}

// newChanges counts changes of sites in etcd.
func newChanges(r *prometheus.Registry) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sniproxy_routes_changes_total", Help: "Sites that etcd changed.",
	})
	r.MustRegister(c)
	return c
}

// followerCollector shows how the routes in etcd are.
type followerCollector struct{ *routes.Follower }

// Describe is part of [prometheus.Collector].
func (c followerCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is part of [prometheus.Collector].
func (c followerCollector) Collect(ch chan<- prometheus.Metric) {
	st := c.Status()
	put := func(name, help string, v float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("sniproxy_routes_"+name, help, nil, nil), prometheus.GaugeValue, v)
	}
	up, away := 1.0, 0.0
	if st.Err != nil {
		up, away = 0, time.Since(st.Since).Seconds()
	}
	put("store_up", "1 while etcd answers, 0 while the routes are those of the time before.", up)
	put("store_away_seconds", "How long etcd has not answered.", away)
	put("sites", "Sites of etcd in force.", float64(st.Sites))
	put("sites_left_out", "Sites of etcd that want a name that another has.", float64(st.LeftOut))
}

// serverCollector shows what the server and the cache count.
type serverCollector struct {
	server *sniproxy.Server
	quic   *quic.Server
	cache  *backend.Cache
}

// Describe is part of [prometheus.Collector]: sites are not known before.
func (c serverCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is part of [prometheus.Collector].
func (c serverCollector) Collect(ch chan<- prometheus.Metric) {
	put := func(name, help string, kind prometheus.ValueType, v float64, labels ...string) {
		var names, values []string
		for i := 0; i < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("sniproxy_"+name, help, names, nil), kind, v, values...)
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	st := c.server.Stats()
	put("connections_active", "Client connections that are open.", gauge, float64(st.Active))
	for i, n := range st.Results {
		put("connections_total", "Connections, and HTTP requests that were refused, by what became of them.",
			counter, float64(n), "result", sniproxy.Result(i).String())
	}
	put("accept_failures_total", "Accepts that failed for want of descriptors or memory.", counter, float64(st.AcceptFailed))
	put("splice_pipes", "Pipes for splicing.", gauge, float64(st.Pipes))
	for site, s := range st.Sites {
		put("site_connections_total", "Connections of a site.", counter, float64(s.Connections), "site", site)
		put("site_connections_active", "Connections of a site that are open.", gauge, float64(s.Active), "site", site)
		put("site_bytes_total", "Bytes of a site, from and to clients.", counter, float64(s.Received), "site", site, "direction", "received")
		put("site_bytes_total", "Bytes of a site, from and to clients.", counter, float64(s.Sent), "site", site, "direction", "sent")
	}
	q := c.quic.Stats()
	put("quic_connections_active", "QUIC connections that are open.", gauge, float64(q.Active))
	put("quic_dropped_datagrams_total", "Datagrams of QUIC connections that were not passed on.", counter, float64(q.Dropped))
	for result, n := range q.Results {
		put("quic_connections_total", "QUIC connections, by what became of them.", counter, float64(n), "result", result.String())
	}
	if c.cache == nil {
		return
	}
	dns := c.cache.Stats()
	for result, n := range map[string]uint64{
		"hit": dns.Hits, "stale": dns.Stale, "found": dns.Found, "none": dns.None, "failed": dns.Failed, "limited": dns.Limited,
	} {
		put("dns_lookups_total", "Look-ups of servers, by result.", counter, float64(n), "result", result)
	}
}

// sitesPage shows the servers of all sites and how they are.
func sitesPage(set *routes.Set) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(set.Status()) // the client has gone
	})
}
