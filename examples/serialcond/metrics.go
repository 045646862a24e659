package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// eventCounter counts events and matches, of all consoles together.
type eventCounter struct{ events, matches *prometheus.CounterVec }

func newEventCounter(r *prometheus.Registry) eventCounter {
	c := eventCounter{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serialcond_events_total", Help: "Events of consoles, by kind.",
		}, []string{"kind"}),
		matches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serialcond_matches_total", Help: "Matches in what consoles said, by pattern.",
		}, []string{"pattern"}),
	}
	r.MustRegister(c.events, c.matches)
	return c
}

func (c eventCounter) event(k serialcon.EventKind) { c.events.WithLabelValues(k.String()).Inc() }
func (c eventCounter) matched(pattern string)      { c.matches.WithLabelValues(pattern).Inc() }

// consoleCollector shows each console's numbers.
type consoleCollector struct{ *rack }

// Describe is part of [prometheus.Collector]: the consoles are not known before.
func (c consoleCollector) Describe(chan<- *prometheus.Desc) {}

// A metric is one number of each console.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*console, serialcon.Stats) float64
}

func newMetric(name, help string, kind prometheus.ValueType, value func(*console, serialcon.Stats) float64) metric {
	return metric{prometheus.NewDesc("serialcond_"+name, help, []string{"console"}, nil), kind, value}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Collect is part of [prometheus.Collector].
func (c consoleCollector) Collect(ch chan<- prometheus.Metric) {
	metrics := consoleMetrics()
	for _, con := range c.all() {
		st := con.Stats()
		for _, m := range metrics {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(con, st), con.Name)
		}
	}
}

func consoleMetrics() []metric {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return []metric{
		newMetric("console_open", "Whether the port is open.", gauge,
			func(_ *console, s serialcon.Stats) float64 { return number(s.Open) }),
		newMetric("console_opens_total", "How often the port was opened.", counter,
			func(_ *console, s serialcon.Stats) float64 { return float64(s.Opens) }),
		newMetric("console_received_bytes_total", "Bytes that the port said.", counter,
			func(_ *console, s serialcon.Stats) float64 { return float64(s.BytesIn) }),
		newMetric("console_sent_bytes_total", "Bytes that people typed.", counter,
			func(_ *console, s serialcon.Stats) float64 { return float64(s.BytesOut) }),
		newMetric("console_last_received_seconds", "When the port last said something, since 1970; 0 is never.", gauge,
			func(_ *console, s serialcon.Stats) float64 {
				if s.LastIn.IsZero() {
					return 0
				}
				return float64(s.LastIn.UnixMilli()) / 1000
			}),
		newMetric("console_lost_bytes_total", "Bytes of the port that are not in the log.", counter,
			func(c *console, s serialcon.Stats) float64 { return float64(s.Gaps + s.LogLost + c.log.Stats().Lost) }),
		newMetric("console_log_failing", "Whether the log takes nothing now.", gauge,
			func(c *console, s serialcon.Stats) float64 { return number(s.LogDown || c.log.Stats().Failing) }),
		newMetric("console_viewers", "Who watch, spies among them.", gauge,
			func(_ *console, s serialcon.Stats) float64 { return float64(s.Viewers) }),
		newMetric("console_skipped_bytes_total", "Bytes that viewers were not shown, because they did not keep up.", counter,
			func(_ *console, s serialcon.Stats) float64 { return float64(s.Skipped) }),
		newMetric("console_log_written_bytes_total", "Bytes of the port that are in the log.", counter,
			func(c *console, _ serialcon.Stats) float64 { return float64(c.log.Stats().Bytes) }),
	}
}
