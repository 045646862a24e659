package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

// metrics are those that are counted as things happen, and the drawing's history,
// which is kept when something did.
type metrics struct {
	events *prometheus.CounterVec

	mu     sync.Mutex
	zones  map[string]bool // whose keys may have changed
	wakeup chan struct{}
}

func newMetrics(r *prometheus.Registry) *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hostkit_dnssec_events_total", Help: "What happened to zones, by kind.",
		}, []string{"kind"}),
		zones: map[string]bool{}, wakeup: make(chan struct{}, 1),
	}
	r.MustRegister(m.events)
	return m
}

// event is the manager's, which waits for it.
func (s *signer) event(e manager.Event) {
	m := s.metrics
	m.events.WithLabelValues(string(e.Kind)).Inc()
	m.mu.Lock()
	m.zones[e.Zone] = true
	m.mu.Unlock()
	select {
	case m.wakeup <- struct{}{}:
	default:
	}
}

// run keeps the history of zones to which something happened.
func (m *metrics) run(ctx context.Context, s *signer) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wakeup:
		}
		m.mu.Lock()
		zones := m.zones
		m.zones = map[string]bool{}
		m.mu.Unlock()
		for zone := range zones {
			st, err := s.Status(ctx, zone)
			if err == nil {
				err = s.history.observe(ctx, zone, st.Keys, time.Now())
			}
			if err != nil && ctx.Err() == nil {
				s.log.Warn("the history of keys was not kept", "zone", zone, "err", err)
			}
		}
	}
}

var (
	zonesHeld  = prometheus.NewDesc("hostkit_dnssec_zones", "Zones that are served.", nil, nil)
	queries    = prometheus.NewDesc("hostkit_dnssec_queries_total", "Requests by DNS, with what became of them.", []string{"result"}, nil)
	transfers  = prometheus.NewDesc("hostkit_dnssec_transfers_total", "Transfers that began.", []string{"type"}, nil)
	sentBytes  = prometheus.NewDesc("hostkit_dnssec_transfer_bytes_total", "Octets of transfers.", nil, nil)
	notifies   = prometheus.NewDesc("hostkit_dnssec_notifies_total", "NOTIFY messages to secondaries.", []string{"result"}, nil)
	notifyOpen = prometheus.NewDesc("hostkit_dnssec_notifies_pending", "Changes that secondaries have not heard of.", nil, nil)
)

// serverCollector has the counters of the server.
type serverCollector struct{ server *serve.Server }

// Describe implements [prometheus.Collector].
func (c serverCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{zonesHeld, queries, transfers, sentBytes, notifies, notifyOpen} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c serverCollector) Collect(ch chan<- prometheus.Metric) {
	st := c.server.Stats()
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	ch <- prometheus.MustNewConstMetric(zonesHeld, prometheus.GaugeValue, float64(st.Zones))
	ch <- prometheus.MustNewConstMetric(notifyOpen, prometheus.GaugeValue, float64(st.NotifyPending))
	count(queries, st.Queries-st.Refused-st.Malformed-st.BadTSIG, "taken")
	count(queries, st.Refused, "refused")
	count(queries, st.Malformed, "malformed")
	count(queries, st.BadTSIG, "bad_tsig")
	count(transfers, st.AXFR, "axfr")
	count(transfers, st.IXFR, "ixfr")
	count(sentBytes, st.SentBytes)
	count(notifies, st.Notified, "heard")
	count(notifies, st.NotifyFailed, "failed")
}
