package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"naisen/loadtest/callgen/process"
	"naisen/loadtest/peer"
)

const mediaMethod = "callgen holds calls with 50 packets/s each way on each leg (G.711, 20 ms) and counts what comes back. Ours go through the whole switch, SRTP legs " +
	"signalled over TLS; rtpengine (Debian's, user space without its kernel module, one worker) is given the same legs by its ng protocol, one contestant after the other in each run. " +
	"Processor time is of the whole process, for each packet received and sent on. Recorded calls are tapped and journalled encrypted to disk; rendering and sealing come after the measurement. " +
	"Delay is from before the sender's system call until the receiver's kernel has the packet; jitter is the difference between the delays of successive packets. " +
	"callgen never sleeps while it measures: a peer that sleeps on the same machine is woken by the sends of whom it measures, at that one's cost, which no network does. " +
	"rtpengine hands SRTP through without decrypting it if both sides have it, so its SRTP to RTP is the comparison. " +
	"With 20 calls the switch's processor sleeps between packets, and a virtual one is woken by its host, milliseconds late now and then; where it says so, an endless loop of idle priority keeps it awake."

// work is one way of carrying media that is measured.
type work struct {
	mediaKind
	calls int
	show  func(*table, string, measured) // what of it is of interest
	awake bool                           // the switch's processor does not sleep in between
}

// mediaKind is one way of carrying media.
type mediaKind struct {
	name, protection string
	transport        string
	record           bool
	target           string // of the processor time of a packet
}

// measured is what callgen reports, as far as it is used here.
type measured struct {
	Sent      uint64
	Received  uint64
	Lost      int64
	CPU       float64 `json:"server_cpu_us_per_packet"`
	User      float64 `json:"server_user_us_per_packet"`
	System    float64 `json:"server_system_us_per_packet"`
	Busy      float64 `json:"server_busy_percent"`
	RSS       float64 `json:"server_rss_mib"`
	Delay     spread  `json:"delay_us"`
	Jitter    spread  `json:"jitter_us"`
	Late      spread  `json:"generator_late_us"`
	LongestMS float64 `json:"longest_gap_ms"`

	collections float64 // of garbage, in the switch, from before the calls until after
}

type spread struct {
	P50, P99, Max int64
	P999          int64 `json:"p99_9"`
}

// works are done by the switch in this order in each run.
func works(l *lab) []work {
	many := func(full int) int { return scale(l, full, 20) }
	return []work{
		{mediaKind{"RTP to RTP", "rtp", "udp", false, "≤ 14.5 µs"}, many(200), nil, false},
		{mediaKind{"SRTP CM_80 to CM_80", "cm", "tls", false, "≤ 19 µs"}, many(200), nil, false},
		{mediaKind{"SRTP GCM_128 to GCM_128", "gcm", "tls", false, "≤ 16 µs"}, many(200), nil, false},
		{mediaKind{"SRTP CM_80 to CM_80", "cm", "tls", false, ""}, many(250), delays("≤ 3 ms", "≤ 2 ms", ""), false},
		{mediaKind{"SRTP CM_80 to CM_80, recorded", "cm", "tls", true, ""}, many(250), nil, false},
		{mediaKind{"SRTP CM_80 to CM_80", "cm", "tls", false, ""}, many(300), delays("", "", "no pause of the collector"), false},
		{mediaKind{"SRTP CM_80 to CM_80", "cm", "tls", false, ""}, many(500), nil, false},
		{mediaKind{"RTP to RTP", "rtp", "udp", false, ""}, scale(l, 20, 5), delays("", "", ""), false},
		{mediaKind{"RTP to RTP, processor awake", "rtp", "udp", false, ""}, scale(l, 20, 5), delays("", "< 0.5 ms", ""), true},
	}
}

// delays adds how long packets were under way.
func delays(p99, jitter, p999 string) func(*table, string, measured) {
	return func(t *table, name string, r measured) {
		ms := func(us int64) float64 { return float64(us) / 1000 }
		t.add(name+"delay p99", "ms", p99, ms(r.Delay.P99)).note = fmt.Sprintf("p50 %d µs", r.Delay.P50)
		t.add(name+"delay p99.9", "ms", p999, ms(r.Delay.P999)).note = fmt.Sprintf("longest %.1f ms; the collector ran %.0f times, set-up included", ms(r.Delay.Max), r.collections)
		t.add(name+"jitter p99", "ms", jitter, ms(r.Jitter.P99)).note = fmt.Sprintf("generator late p99 %.1f ms", ms(r.Late.P99))
	}
}

func measureMedia(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	for range l.runs {
		for _, w := range works(l) {
			if err := l.carry(ctx, t, w); err != nil {
				return t, fmt.Errorf("%s, %d calls: %w", w.name, w.calls, err)
			}
		}
		for _, callee := range []string{"rtp", "cm"} {
			if err := l.compare(ctx, t, callee); err != nil {
				return t, fmt.Errorf("rtpengine: %w", err)
			}
		}
	}
	few, many := scale(l, 200, 20), scale(l, 250, 20)
	cpu := func(who string, calls int) string {
		return fmt.Sprintf("%s, %d calls: processor time of a packet", who, calls)
	}
	t.ratio("RTP to RTP, ours / rtpengine's", "≤ 0.75", cpu("RTP to RTP", few), cpu("rtpengine RTP to RTP", few))
	t.ratio("SRTP CM_80 to CM_80, ours / rtpengine's SRTP to RTP", "≤ 0.8", cpu("SRTP CM_80 to CM_80", few), cpu("rtpengine SRTP CM_80 to RTP", few))
	t.difference("what recording adds to a packet", "µs", "≤ 2 µs", cpu("SRTP CM_80 to CM_80, recorded", many), cpu("SRTP CM_80 to CM_80", many))
	return t, nil
}

// carry has a fresh switch do one work.
func (l *lab) carry(ctx context.Context, t *table, w work) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	if w.record {
		if err := s.recordCallsOf(ctx, "2001"); err != nil {
			return err
		}
	}
	if w.awake {
		idler, err := peer.Start(s.Dir, "chrt", append(append([]string{"-i", "0"}, l.pin()...), "sh", "-c", "while :; do :; done")...)
		if err != nil {
			return err
		}
		defer idler.Stop()
	}
	began, before := time.Now(), occupied(runtime.NumCPU()-1)
	u1, s1, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	const collections = "go_gc_duration_seconds_count"
	ran, err := s.Metric(ctx, collections)
	if err != nil {
		return err
	}
	r, err := s.media(ctx, w.mediaKind, w.calls, scale(l, 10*time.Second, 4*time.Second))
	if err != nil {
		return err
	}
	u2, s2, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	if r.collections, err = s.Metric(ctx, collections); err != nil {
		return err
	}
	r.collections -= ran
	after := occupied(runtime.NumCPU() - 1)
	share := func(d time.Duration) float64 { return 100 * float64(d) / float64(time.Since(began)) }
	name := fmt.Sprintf("%s, %d calls: ", w.name, w.calls)
	r.tell(t, name, w.target, fmt.Sprintf("; others used %.0f %% of the switch's processor, its host took %.1f %%", share(after.busy-before.busy-(u2+s2-u1-s1)),
		share(after.stolen-before.stolen)))
	if w.show != nil {
		w.show(t, name, r)
	}
	return nil
}

// tell adds what every work is asked for.
func (r measured) tell(t *table, name, target, more string) {
	t.add(name+"processor time of a packet", "µs", target, r.CPU).note = fmt.Sprintf("user %.1f, system %.1f; %.0f %% of the processor", r.User, r.System, r.Busy)
	t.add(name+"packets lost", "", "0", float64(r.Lost)).note = fmt.Sprintf("of %d; generator late p99 %.1f ms%s", r.Sent, float64(r.Late.P99)/1000, more)
}

// compare has a fresh rtpengine carry calls to a callee's protection: from the same on RTP, from SRTP CM_80 to RTP.
func (l *lab) compare(ctx context.Context, t *table, caller string) error {
	e, err := peer.StartRTPEngine(ctx, l.dir, l.pin())
	if err != nil {
		return err
	}
	defer e.Stop()
	calls, name := scale(l, 200, 20), "rtpengine RTP to RTP"
	if caller == "cm" {
		name = "rtpengine SRTP CM_80 to RTP"
	}
	r, err := l.callgenRun(ctx, nil, "rtpengine", "-ng", e.Control, "-pid", fmt.Sprint(e.PID()), "-media", caller, "-callee-media", "rtp", "-calls", fmt.Sprint(calls),
		"-time", scale(l, 10*time.Second, 4*time.Second).String(), "-cpu", l.generatorCPU(), "-json")
	if err != nil {
		return errors.Join(err, errors.New(e.Output()))
	}
	r.tell(t, fmt.Sprintf("%s, %d calls: ", name, calls), "", "")
	return nil
}

// recordCallsOf records what an extension calls, without a notice.
func (s *site) recordCallsOf(ctx context.Context, number string) error {
	if err := s.RecordUntold(ctx, "load"); err != nil {
		return err
	}
	_, err := s.put(ctx, "extensions/"+number, map[string]any{"display": number, "allow_md5": true, "media": "srtp-preferred", "record": "load"})
	return err
}

// callgenArgs are those of `callgen sip` for this switch.
func (s *site) callgenArgs(k mediaKind, calls int, length time.Duration) []string {
	_, tlsPort, _ := strings.Cut(s.TLS, ":")
	return []string{"sip", "-switch", s.UDP, "-tls-port", tlsPort, "-insecure", "-domain", s.Domain, "-caller-transport", k.transport, "-callee-transport", k.transport,
		"-media", k.protection, "-calls", fmt.Sprint(calls), "-rate", "50", "-settle", "2s", "-time", length.String(), "-pid", fmt.Sprint(s.PID()), "-cpu", s.lab.generatorCPU(), "-json"}
}

// media holds calls for a while and gives what callgen saw.
func (s *site) media(ctx context.Context, k mediaKind, calls int, length time.Duration) (measured, error) {
	return s.lab.callgenRun(ctx, []string{"CALLER_PASSWORD=" + s.Passwords["2001"], "CALLEE_PASSWORD=" + s.Passwords["2002"]}, s.callgenArgs(k, calls, length)...)
}

// callgenRun runs callgen and reads its report.
func (l *lab) callgenRun(ctx context.Context, env []string, args ...string) (measured, error) {
	cmd := exec.CommandContext(ctx, l.callgen, args...)
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return measured{}, err
	}
	var m measured
	return m, json.Unmarshal(out, &m)
}

// generatorCPU is the processor that callgen pins itself to.
func (l *lab) generatorCPU() string {
	if l.pinned {
		return "0"
	}
	return "-1"
}

// occupation of a processor since the machine started: by whatever runs here, and by what its host gave to other machines meanwhile. In such a moment
// nothing goes on, and every packet is late.
type occupation struct{ busy, stolen time.Duration }

// occupied is 0 if the kernel does not tell.
func occupied(processor int) occupation {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return occupation{}
	}
	_, rest, _ := strings.Cut(string(b), fmt.Sprintf("\ncpu%d ", processor))
	var user, nice, system, idle, wait, irq, soft, steal int64
	if _, err := fmt.Sscan(rest, &user, &nice, &system, &idle, &wait, &irq, &soft, &steal); err != nil {
		return occupation{}
	}
	const tick = 10 * time.Millisecond // USER_HZ
	return occupation{time.Duration(user+nice+system+irq+soft) * tick, time.Duration(steal) * tick}
}
