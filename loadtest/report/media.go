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
)

const relayMethod = "callgen holds calls with 50 packets/s each way on each leg (G.711, 20 ms) through the whole switch and counts what comes back. SRTP legs are signalled over TLS. " +
	"Processor time is of the whole process, for each packet received and sent on."

const recordedMethod = "As above; each call is tapped, journalled encrypted to disk, rendered and sealed at its end (which is after the measurement)."

// mediaKind is one way of carrying media.
type mediaKind struct {
	name, protection string
	transport        string
	record           bool
	target           string
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
	Late      spread  `json:"generator_late_us"`
	LongestMS float64 `json:"longest_gap_ms"`
}

type spread struct{ P50, P99 int64 }

func measureRelay(ctx context.Context, l *lab) (*table, error) {
	return measureMedia(ctx, l,
		mediaKind{"RTP to RTP", "rtp", "udp", false, ""},
		mediaKind{"SRTP AES-CM to AES-CM", "cm", "tls", false, ""},
		mediaKind{"SRTP AES-GCM to AES-GCM", "gcm", "tls", false, ""})
}

func measureRecorded(ctx context.Context, l *lab) (*table, error) {
	return measureMedia(ctx, l, mediaKind{"SRTP AES-CM to AES-CM, recorded", "cm", "tls", true, "≤ 30 µs"})
}

func measureMedia(ctx context.Context, l *lab, kinds ...mediaKind) (*table, error) {
	t := &table{}
	for _, k := range kinds {
		for _, calls := range scale(l, []int{250}, []int{20}) {
			for range l.runs {
				if err := relayOnce(ctx, l, t, k, calls); err != nil {
					return t, fmt.Errorf("%s, %d calls: %w", k.name, calls, err)
				}
			}
		}
	}
	return t, nil
}

func relayOnce(ctx context.Context, l *lab, t *table, k mediaKind, calls int) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	if k.record {
		if err := s.recordCallsOf(ctx, "2001"); err != nil {
			return err
		}
	}
	began, busy := time.Now(), occupied(runtime.NumCPU()-1)
	u1, s1, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	r, err := s.media(ctx, k, calls, scale(l, 10*time.Second, 4*time.Second))
	if err != nil {
		return err
	}
	u2, s2, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	others := 100 * float64(occupied(runtime.NumCPU()-1)-busy-(u2+s2-u1-s1)) / float64(time.Since(began))
	name := fmt.Sprintf("%s, %d calls: ", k.name, calls)
	t.add(name+"processor time of a packet", "µs", k.target, r.CPU).note = fmt.Sprintf("user %.1f, system %.1f", r.User, r.System)
	lost := ""
	if k.record && calls >= 250 {
		lost = "0"
	}
	t.add(name+"packets lost", "", lost, float64(r.Lost)).note = fmt.Sprintf("of %d; generator late p99 %.1f ms; others used %.0f %% of the switch's processor",
		r.Sent, float64(r.Late.P99)/1000, others)
	t.add(name+"switch busy", "%", "", r.Busy)
	t.add(name+"delay p99", "ms", "", float64(r.Delay.P99)/1000).note = fmt.Sprintf("p50 %d µs", r.Delay.P50)
	return nil
}

// recordCallsOf records what an extension calls, without a notice.
func (s *site) recordCallsOf(ctx context.Context, number string) error {
	if _, err := s.put(ctx, "recording-policies/load", map[string]any{"record": true, "notice": "none", "on_failure": "continue", "retention_days": 1}); err != nil {
		return err
	}
	_, err := s.put(ctx, "extensions/"+number, map[string]any{"display": number, "allow_md5": true, "media": "srtp-preferred", "record": "load"})
	return err
}

// callgenArgs are those of `callgen sip` for this switch.
func (s *site) callgenArgs(k mediaKind, calls int, length time.Duration) []string {
	cpu := "-1"
	if s.lab.pinned {
		cpu = "0"
	}
	_, tlsPort, _ := strings.Cut(s.TLS, ":")
	return []string{"sip", "-switch", s.UDP, "-tls-port", tlsPort, "-insecure", "-domain", s.Domain, "-caller-transport", k.transport, "-callee-transport", k.transport,
		"-media", k.protection, "-calls", fmt.Sprint(calls), "-rate", "50", "-settle", "2s", "-time", length.String(), "-pid", fmt.Sprint(s.PID()), "-cpu", cpu, "-json"}
}

// media holds calls for a while and gives what callgen saw.
func (s *site) media(ctx context.Context, k mediaKind, calls int, length time.Duration) (measured, error) {
	cmd := exec.CommandContext(ctx, s.lab.callgen, s.callgenArgs(k, calls, length)...)
	cmd.Env = append(cmd.Environ(), "CALLER_PASSWORD="+s.Passwords["2001"], "CALLEE_PASSWORD="+s.Passwords["2002"])
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

// occupied is how long a processor was busy since the machine started; 0 if the kernel does not tell.
func occupied(processor int) time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), fmt.Sprintf("\ncpu%d ", processor))
	var user, nice, system, idle, wait, irq, soft int64
	if _, err := fmt.Sscan(rest, &user, &nice, &system, &idle, &wait, &irq, &soft); err != nil {
		return 0
	}
	return time.Duration(user+nice+system+irq+soft) * 10 * time.Millisecond // USER_HZ
}
