package racktest
import ("testing";"time";"sort")
func TestDbg(t *testing.T) {
	l := newLab(t)
	in := l.rack(shelfSize, 512<<10)
	for _, place := range in {
		place.neighbour(t, "delay_first_probe_time", "1")
		place.neighbour(t, "retrans_time_ms", "200")
	}
	var s servers
	s.serve(t, in...)
	diag := record(t, in[40])
	stop := make(chan bool)
	go func() { last := time.Now(); worst := time.Duration(0); tk := time.NewTicker(10*time.Millisecond); for { select { case <-stop: t.Log("worst tick", worst); stop <- true; return; case <-tk.C: if d := time.Since(last); d > worst { worst = d }; if d := time.Since(last); d > 300*time.Millisecond { t.Log("tick gap", d, time.Now().Format("15:04:05.000")) }; last = time.Now() } } }()
	start := time.Now()
	all := together(t, in...)
	stop <- true; <-stop
	t.Log("start", start.Format("15:04:05.000"))
	var lines []string
	for i, r := range all {
		if r.err != nil || r.UnansweredARP > 0 {
			f := r.Files[len(r.Files)-1]
			n := 0
			for _, e := range s.events.of(in[i].iface) { n += e.Retransmits }
			lines = append(lines, f.Start.Add(f.Took).Format("15:04:05.000")+" "+in[i].iface)
			t.Log(in[i].iface, r.err, "arp", r.UnansweredARP, "retr", n, f.Duplicates, f.Start.Add(f.Took).Format("15:04:05.000"))
		}
	}
	sort.Strings(lines)
	t.Log(s.tftp.Stats(), len(lines))
	if all[40].err != nil { diag() }
}
