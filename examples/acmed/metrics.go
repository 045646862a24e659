package main

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mythic-beasts/hostkit/acme/renew"
)

// metrics are the certificates as they are when somebody asks, and what happened.
type metrics struct {
	events *prometheus.CounterVec
	keeper *keeper
}

func newMetrics(r *prometheus.Registry, k *keeper) *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hostkit_acme_events_total", Help: "What happened to certificates, by kind.",
		}, []string{"certificate", "kind"}),
		keeper: k,
	}
	r.MustRegister(m.events, m)
	return m
}

func (m *metrics) count(ev renew.Event) {
	m.events.WithLabelValues(ev.Name, strings.ReplaceAll(string(ev.Kind), " ", "_")).Inc()
}

var (
	ofCertificate = []string{"certificate"}

	expiry = prometheus.NewDesc("hostkit_acme_certificate_expiry_timestamp_seconds", "When the certificate expires.", ofCertificate, nil)
	due    = prometheus.NewDesc("hostkit_acme_next_renewal_timestamp_seconds", "When it is to be renewed, or obtained.", ofCertificate, nil)
	failed = prometheus.NewDesc("hostkit_acme_failures", "Tries since the last that succeeded.", ofCertificate, nil)
	tried  = prometheus.NewDesc("hostkit_acme_last_failure_timestamp_seconds", "When the last try ended that failed.", ofCertificate, nil)
	why    = prometheus.NewDesc("hostkit_acme_last_error", "1, with what the last try failed of.", []string{"certificate", "error"}, nil)

	deployPending = prometheus.NewDesc("hostkit_acme_deploy_pending", "1 while the command has not succeeded for the certificate that is stored.", ofCertificate, nil)
	deployFailed  = prometheus.NewDesc("hostkit_acme_deploy_failures", "Runs of the command since the last that succeeded.", ofCertificate, nil)
	deployed      = prometheus.NewDesc("hostkit_acme_deploy_success_timestamp_seconds", "When the command succeeded last.", ofCertificate, nil)
)

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{expiry, due, failed, tried, why, deployPending, deployFailed, deployed} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, st := range m.keeper.status() {
		gauge := func(d *prometheus.Desc, v float64, more ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{st.Name}, more...)...)
		}
		at := func(d *prometheus.Desc, t time.Time) {
			if !t.IsZero() {
				gauge(d, float64(t.Unix()))
			}
		}
		at(expiry, st.State.NotAfter)
		at(due, st.Plan.RenewAt)
		at(tried, st.State.Tried)
		gauge(failed, float64(st.State.Failures))
		if st.State.LastError != "" {
			gauge(why, 1, label(st.State.LastError))
		}
		if m.keeper.deployable(st.Name) {
			d := m.keeper.deploys.state(st.Name)
			pending := 0.0
			if st.State.CertID != "" && d.Deployed != st.State.CertID {
				pending = 1
			}
			gauge(deployPending, pending)
			gauge(deployFailed, float64(d.Failures))
			at(deployed, d.At)
		}
	}
}

const maxLabel = 300

// label is a text, some of it strangers', as the value of a label.
func label(text string) string {
	if len(text) > maxLabel {
		text = text[:maxLabel] + "…"
	}
	return strings.ToValidUTF8(text, "\ufffd")
}
