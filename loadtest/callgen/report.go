package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"naisen/loadtest/callgen/process"
	"naisen/loadtest/callgen/traffic"
)

// Report is what one run measured. Times in microseconds.
type Report struct {
	Mode         string  `json:"mode"`
	Protection   string  `json:"protection"`
	Calls        int     `json:"calls"`
	Seconds      float64 `json:"seconds"`
	Sent         uint64  `json:"sent"`
	Received     uint64  `json:"received"`
	Lost         int64   `json:"lost"`
	Duplicates   uint64  `json:"duplicates"`
	Reordered    uint64  `json:"reordered"`
	Corrupt      uint64  `json:"corrupt"`
	Refused      uint64  `json:"refused"`
	SendErrors   uint64  `json:"send_errors"`
	SilentLegs   int     `json:"silent_legs"`
	LongestGapMS float64 `json:"longest_gap_ms"`
	Delay        Spread  `json:"delay_us"`
	Jitter       Spread  `json:"jitter_us"`
	Late         Spread  `json:"generator_late_us"`
	ServerCPU    float64 `json:"server_cpu_us_per_packet"` // 0: no process was named
	ServerUser   float64 `json:"server_user_us_per_packet"`
	ServerSystem float64 `json:"server_system_us_per_packet"`
	ServerBusy   float64 `json:"server_busy_percent"` // of one processor
	RSSPerCallKB float64 `json:"server_rss_per_call_kib"`
	RSSMB        float64 `json:"server_rss_mib"`
	Setup        *Spread `json:"setup_us,omitempty"`
}

// Spread is a distribution.
type Spread struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p99_9"`
	Max  int64 `json:"max"`
}

func spread(h *traffic.Histogram) Spread {
	us := func(d time.Duration) int64 { return d.Microseconds() }
	return Spread{us(h.Quantile(.5)), us(h.Quantile(.9)), us(h.Quantile(.99)), us(h.Quantile(.999)), us(h.Max())}
}

// cost is what the server used at one moment.
type cost struct {
	user, system time.Duration
	rss          int64
}

func costOf(pid int) (c cost, err error) {
	if pid == 0 {
		return cost{}, nil
	}
	if c.user, c.system, err = process.CPU(pid); err != nil {
		return c, err
	}
	c.rss, err = process.RSS(pid)
	return c, err
}

// fill computes the report of a generator's run.
func (r *Report) fill(g *traffic.Generator, length time.Duration, idle, before, after cost) {
	n := g.Counts()
	r.Seconds = length.Seconds()
	r.Sent, r.Received, r.Lost = n.Sent, n.Received, n.Lost
	r.Duplicates, r.Reordered, r.Corrupt, r.Refused, r.SendErrors = n.Duplicates, n.Reordered, n.Corrupt, n.Refused, n.SendErrors
	r.SilentLegs, r.LongestGapMS = n.Silent, float64(n.LongestGap.Microseconds())/1000
	r.Delay, r.Jitter, r.Late = spread(&g.Delay), spread(&g.Jitter), spread(&g.Late)
	if n.Received > 0 {
		per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n.Received) }
		r.ServerUser, r.ServerSystem = per(after.user-before.user), per(after.system-before.system)
		r.ServerCPU = r.ServerUser + r.ServerSystem
		r.ServerBusy = 100 * float64(after.user-before.user+after.system-before.system) / float64(length)
	}
	r.RSSMB = float64(after.rss) / (1 << 20)
	if r.Calls > 0 {
		r.RSSPerCallKB = float64(after.rss-idle.rss) / 1024 / float64(r.Calls)
	}
}

// print writes the report for people, or as JSON.
func (r *Report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%s, %s, %d calls, %.0f s\n", r.Mode, r.Protection, r.Calls, r.Seconds)
	fmt.Fprintf(w, "  packets   sent %d, received %d, lost %d (%.4f %%), duplicate %d, reordered %d, corrupt %d, refused %d, send errors %d\n",
		r.Sent, r.Received, r.Lost, 100*float64(r.Lost)/float64(max(r.Sent, 1)), r.Duplicates, r.Reordered, r.Corrupt, r.Refused, r.SendErrors)
	fmt.Fprintf(w, "  legs      silent %d, longest gap %.1f ms\n", r.SilentLegs, r.LongestGapMS)
	row := func(name string, s Spread) {
		fmt.Fprintf(w, "  %-9s p50 %d, p90 %d, p99 %d, p99.9 %d, max %d µs\n", name, s.P50, s.P90, s.P99, s.P999, s.Max)
	}
	row("delay", r.Delay)
	row("jitter", r.Jitter)
	row("late", r.Late)
	if r.Setup != nil {
		row("set-up", *r.Setup)
	}
	if r.ServerCPU > 0 {
		fmt.Fprintf(w, "  server    %.1f µs a packet (user %.1f, system %.1f), %.0f %% of a processor, RSS %.1f MiB, %.1f KiB a call\n",
			r.ServerCPU, r.ServerUser, r.ServerSystem, r.ServerBusy, r.RSSMB, r.RSSPerCallKB)
	}
	return nil
}
