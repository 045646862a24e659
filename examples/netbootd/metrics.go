package main

import (
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
	"github.com/prometheus/client_golang/prometheus"
)

// sink takes one collection's metrics.
type sink chan<- prometheus.Metric

func (s sink) counter(name, help string, v uint64) {
	s <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, float64(v))
}

// counters are one metric with a label.
func (s sink) counters(name, help, label string, values map[string]uint64) {
	desc := prometheus.NewDesc(name, help, []string{label}, nil)
	for value, v := range values {
		s <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(v), value)
	}
}

// bootCollector shows what the DHCP server counts, and how far boots are.
type bootCollector struct{ *server }

// Describe is part of [prometheus.Collector]: all that a first Collect gives.
func (c bootCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is part of [prometheus.Collector].
func (c bootCollector) Collect(ch chan<- prometheus.Metric) {
	out, st := sink(ch), c.dhcp.Stats()
	out.counters("netbootd_dhcp_messages_total", "DHCP messages received and sent, by type.", "type", map[string]uint64{
		"discover": st.Discovers, "request": st.Requests, "inform": st.Informs, "decline": st.Declines,
		"release": st.Releases, "offer": st.Offers, "ack": st.Acks, "nak": st.Naks,
	})
	out.counters("netbootd_dhcp_unanswered_total", "DHCP messages without an answer, by reason.", "reason", map[string]uint64{
		"refused": st.Refused, "unknown": st.Unknown, "exhausted": st.Exhausted, "unsynced": st.Unsynced, "unsent": st.Unsent,
	})
	out.counter("netbootd_dhcp_nudges_total", "Wake-up frames sent to mask ROMs.", st.Nudges)
	out.counter("netbootd_dhcp_journal_syncs_total", "Flushes of the lease journal.", st.Syncs)
	dropped, malformed := make(map[string]uint64), make(map[string]uint64)
	for name, link := range c.transport.Stats() {
		dropped[name], malformed[name] = link.Dropped, link.Malformed
	}
	out.counters("netbootd_link_dropped_total", "DHCP packets that the kernel had no room for, by interface.", "interface", dropped)
	out.counters("netbootd_link_malformed_total", "Packets that are no DHCP client's message, by interface.", "interface", malformed)
	c.stages(out)
}

// stages shows how many machines are in each stage.
func (c bootCollector) stages(out sink) {
	count := make(map[netboot.Stage]int)
	for _, s := range statuses(c.tracker, c.machines.names()) {
		count[s.Stage]++
	}
	desc := prometheus.NewDesc("netbootd_machines", "Machines by stage of their boot.", []string{"stage"}, nil)
	for stage := netboot.StageOff; stage <= netboot.StageDead; stage++ {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(count[stage]), stage.String())
	}
}

// tftpCollector shows what the TFTP server counts.
type tftpCollector struct{ server *tftp.Server }

// Describe is part of [prometheus.Collector].
func (c tftpCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is part of [prometheus.Collector].
func (c tftpCollector) Collect(ch chan<- prometheus.Metric) {
	out, st := sink(ch), c.server.Stats()
	out.counters("netbootd_tftp_requests_total", "TFTP requests that have ended, by result.", "result", map[string]uint64{
		"served": st.Served, "missing": st.Missing, "probed": st.Probed, "failed": st.Failed, "refused": st.Refused,
	})
	out.counter("netbootd_tftp_bytes_total", "Bytes of files that clients have acknowledged.", st.Bytes)
	out.counter("netbootd_tftp_retransmits_total", "TFTP packets sent again.", st.Retransmits)
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("netbootd_tftp_transfers", "TFTP transfers that run.", nil, nil),
		prometheus.GaugeValue, float64(st.Active))
}
