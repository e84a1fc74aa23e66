package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"naisen/loadtest/bulk"
	"naisen/loadtest/peer"
)

// lab is what all sections share.
type lab struct {
	dir, switchBin, callgen string
	pinned                  bool // the switch has the last processor, the generator the first
	runs                    int
	short                   bool
	nice                    int
	auditRows               int // of the section audit-search
}

func newLab(ctx context.Context, runs int, short bool, nice int) (*lab, error) {
	l := &lab{runs: runs, short: short, nice: nice}
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		l.pinned = true
	}
	var err error
	if l.dir, err = os.MkdirTemp("", "naisen-load"); err != nil {
		return nil, err
	}
	if err := l.build(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// build makes the programs, then leaves the last processor to the switch.
func (l *lab) build(ctx context.Context) (err error) {
	if l.switchBin, err = peer.Build(ctx, l.dir); err != nil {
		return err
	}
	root, err := peer.Root()
	if err != nil {
		return err
	}
	l.callgen = filepath.Join(l.dir, "callgen")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", l.callgen, "./loadtest/callgen")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("report: build callgen: %w\n%s", err, out)
	}
	if l.pinned { // threads that start later inherit it
		out, err := exec.CommandContext(ctx, "taskset", "-a", "-p", "-c", "0", fmt.Sprint(os.Getpid())).CombinedOutput()
		if err != nil {
			return fmt.Errorf("report: taskset: %w\n%s", err, out)
		}
	}
	if l.nice == 0 {
		return nil
	}
	tasks, err := os.ReadDir("/proc/self/task") // niceness belongs to a thread
	for _, t := range tasks {
		if id, convErr := strconv.Atoi(t.Name()); convErr == nil {
			err = errors.Join(err, unix.Setpriority(unix.PRIO_PROCESS, id, l.nice))
		}
	}
	if err != nil {
		return fmt.Errorf("report: nice: %w", err)
	}
	return nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) }

// scale picks the size of a run.
func scale[T any](l *lab, full, short T) T {
	if l.short {
		return short
	}
	return full
}

// site is one switch under load.
type site struct {
	*peer.PBX
	lab     *lab
	callers []bulk.Account // made by provision
}

// The generator's sockets; outside is no address of the switch's.
var (
	loopback = netip.MustParseAddr("127.0.0.1")
	outside  = netip.MustParseAddr("127.0.0.3")
)

// start runs a fresh switch on one core.
func (l *lab) start(ctx context.Context) (*site, error) {
	return l.startWith(ctx, append([]string{"env", "GOMAXPROCS=1"}, l.pin()...), "")
}

// pin is what is put before a command to keep it on the last processor.
func (l *lab) pin() []string {
	if !l.pinned {
		return nil
	}
	return []string{"taskset", "-c", fmt.Sprint(runtime.NumCPU() - 1)}
}

// startFree runs a fresh switch on all processors, as it is delivered.
func (l *lab) startFree(ctx context.Context) (*site, error) {
	if !l.pinned {
		return l.startWith(ctx, nil, "")
	}
	return l.startWith(ctx, []string{"taskset", "-c", fmt.Sprintf("0-%d", runtime.NumCPU()-1)}, "") // else it inherits the generator's
}

// startWith runs one behind a prefix, with more in its configuration.
func (l *lab) startWith(ctx context.Context, prefix []string, more string) (*site, error) {
	dir, err := os.MkdirTemp(l.dir, "switch")
	if err != nil {
		return nil, err
	}
	p, err := peer.NewPBX(l.switchBin, dir, peer.Options{Prefix: prefix, HTTP: "rate_per_user: 100000", SIP: "rate: 100000\n  rate_per_source: 100000",
		YAML: "media: {ports: \"16384-32767\"}\ncalls: 10000\ndrain: 1s\n" + more})
	if err != nil {
		return nil, err
	}
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	s := &site{PBX: p, lab: l}
	if err := p.SignIn(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *site) stop() {
	s.Stop()
	_ = os.RemoveAll(s.Dir)
}

// again restarts the switch on its data, so that what went before costs no memory any more.
func (s *site) again(ctx context.Context) error {
	s.Stop()
	return s.Run(ctx)
}

// put changes data by REST, at the pace that its limit allows.
func (s *site) put(ctx context.Context, path string, body any) ([]byte, error) {
	for {
		status, answer, err := s.Do(ctx, "PUT", path, body)
		if err != nil {
			return nil, err
		}
		if status == http.StatusTooManyRequests {
			if err := pause(ctx, 250*time.Millisecond); err != nil {
				return nil, err
			}
			continue
		}
		if status != 200 && status != 201 && status != 204 {
			return nil, fmt.Errorf("report: PUT %s: %d %s", path, status, answer)
		}
		return answer, nil
	}
}

// provision makes n extensions from 5000 on.
func (s *site) provision(ctx context.Context, n int) error {
	for i := range n {
		number := fmt.Sprint(5000 + i)
		answer, err := s.put(ctx, "extensions/"+number, map[string]any{"display": "load " + number, "media": "srtp-preferred"})
		if err != nil {
			return err
		}
		var made struct{ Secret string }
		if err := json.Unmarshal(answer, &made); err != nil || made.Secret == "" {
			return errors.Join(fmt.Errorf("report: no password for %s", number), err)
		}
		s.callers = append(s.callers, bulk.Account{User: number, Password: made.Secret})
	}
	return nil
}

func (s *site) account(user string) bulk.Account {
	return bulk.Account{User: user, Password: s.Passwords[user]}
}

func (s *site) udp() netip.AddrPort { return netip.MustParseAddrPort(s.UDP) }

// until waits for values of metrics.
func (s *site) until(ctx context.Context, d time.Duration, want map[string]float64) error {
	var last error
	err := peer.Until(d, func() bool {
		for name, v := range want {
			got, err := s.Metric(ctx, name)
			if err != nil || got != v {
				last = errors.Join(fmt.Errorf("%s is %v, want %v", name, got, v), err)
				return false
			}
		}
		return true
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lab) method() string {
	place := "not pinned (no taskset or one processor only)"
	if l.pinned {
		place = fmt.Sprintf("pinned to processor %d with GOMAXPROCS=1, the generator to processor 0", runtime.NumCPU()-1)
	}
	if l.nice != 0 {
		place += fmt.Sprintf(", both with niceness %d", l.nice)
	}
	return fmt.Sprintf("The switch is a process of its own, %s. Each figure is the median of %d runs. Admission limits are raised for the load "+
		"(`sip.rate`, `sip.rate_per_source`: 100000); everything else is as delivered: log level info, SQLite, call records and audit written. "+
		"Processor time is user and system of /proc/PID/stat.", place, l.runs)
}

// machine is one line on where this was measured.
func (l *lab) machine(ctx context.Context) string {
	word := func(name string, args ...string) string {
		out, err := exec.CommandContext(ctx, name, args...).Output()
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(out))
	}
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(b), "\n") {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("Machine: %s, %d processors, Linux %s, %s; commit %s; %s; load average %s.", model, runtime.NumCPU(), word("uname", "-r"),
		runtime.Version(), word("git", "rev-parse", "--short", "HEAD"), time.Now().UTC().Format("2006-01-02 15:04 UTC"), loadAverage())
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if err != nil || len(f) < 2 {
		return "unknown"
	}
	return f[0] + " (1 min), " + f[1] + " (5 min)"
}
