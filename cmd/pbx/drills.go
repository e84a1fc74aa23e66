package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"naisen/provisioning"
	"naisen/provisioning/report"
	"naisen/recorder/objstore"
)

// drillPart is the name below which reports of drills are kept in the object store; no domain is called so.
const drillPart = "_drills"

const (
	drillLooks  = 10 * time.Minute    // how often it is asked whether one is due
	drillFrom   = 2                   // from this hour on, in Japan, until
	drillUntil  = 5                   // this one: a drill takes a core for a while
	drillLate   = 38 * 24 * time.Hour // how old the last good one may get: a month and a week
	drillTime   = time.Hour           // bounds one
	drillAgain  = 20 * time.Hour      // after one that failed: in the next night
	drillStderr = 64 << 10            // of its complaints are kept
)

const (
	drillGood = "-ok"
	drillBad  = "-failed"
)

// DrillConfig has the switch prove each month by itself that its copies can be put back.
type DrillConfig struct {
	Identity     string   `yaml:"identity"`      // identity file of a recipient of the copies, who opens nothing else; empty: nobody drills by himself
	Keys         string   `yaml:"keys"`          // escrow of the keys; those of this machine when empty
	KeysIdentity string   `yaml:"keys_identity"` // opens the escrow; identity when empty
	RTO          Duration `yaml:"rto"`           // how long it may take until a telephone is registered again; 30m
}

func (d DrillConfig) validate(to string) error {
	switch {
	case d.Identity == "" && (d.Keys != "" || d.KeysIdentity != "" || d.RTO != 0):
		return invalid("backup.drill.identity", "is missing")
	case d.Identity != "" && to == "":
		return invalid("backup.drill", "has no copies to drill with: backup.to says nothing")
	case d.RTO < 0:
		return invalid("backup.drill.rto", "is negative")
	}
	return nil
}

// drills has one drill made in each month, in the night, and keeps its report.
type drills struct {
	domain  string
	objects objstore.Store
	perform func(ctx context.Context, base string) error // writes base.json and base.json.sig, also of a drill that failed
	mine    func() bool                                  // of several nodes this one drills
	enter   func(provisioning.AuditEntry)
	clock   func() time.Time
	log     *slog.Logger
	began   time.Time

	good    atomic.Int64 // when the last good one was, in Unix seconds; 0: there was none
	last    time.Time    // of the last one that was tried; its owner is run
	failing atomic.Bool
}

// startDrills begins them, where an identity is configured.
func (p *pbx) startDrills(ctx context.Context) {
	c := p.config
	if c.Backup.Drill.Identity == "" {
		return
	}
	d := &drills{domain: c.Domain, objects: objstore.Under(p.vault.store, drillPart+"/"+c.Domain), perform: c.drillProgram, mine: p.nodes.Mine, enter: p.auditor.enter,
		clock: time.Now, log: p.log, began: time.Now()}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); d.run(ctx) }()
	p.closing("drills", func(context.Context) error { stop(); <-done; return nil })
	p.alarms.watch("drill-failed", d.failing.Load)
	p.alarms.watch("drill-late", func() bool { return d.late(d.clock()) })
}

// late says that the last good one is too long ago; before there is one, that the switch has run so long.
func (d *drills) late(now time.Time) bool {
	at := d.began
	if n := d.good.Load(); n > 0 {
		at = time.Unix(n, 0)
	}
	return now.Sub(at) > drillLate
}

func (d *drills) run(ctx context.Context) {
	tick := time.NewTicker(drillLooks)
	defer tick.Stop()
	for {
		if d.mine() {
			if err := d.due(ctx, d.clock()); err != nil && ctx.Err() == nil {
				d.failing.Store(true)
				d.log.Error("pbx: restore drill", "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// due has one made, where this month has none that went well, whoever made it.
func (d *drills) due(ctx context.Context, now time.Time) error {
	if err := d.look(ctx); err != nil {
		return fmt.Errorf("reports of drills: %w", err)
	}
	here := now.In(tokyo)
	if good := time.Unix(d.good.Load(), 0).In(tokyo); good.Year() == here.Year() && good.Month() == here.Month() || here.Hour() < drillFrom || here.Hour() >= drillUntil || now.Sub(d.last) < drillAgain {
		return nil
	}
	d.last = now
	return d.drill(ctx, now)
}

// look finds when drills were, by the names of their reports: 20261201T020000Z-ok/drill.json.
func (d *drills) look(ctx context.Context) error {
	return d.objects.List(ctx, "", func(i objstore.Info) error {
		folder, _, _ := strings.Cut(i.Name, "/")
		text, good := strings.CutSuffix(folder, drillGood)
		if !good {
			text = strings.TrimSuffix(folder, drillBad)
		}
		at, err := time.Parse(backupStamp, text)
		if err != nil {
			return nil // somebody else's
		}
		if at.After(d.last) {
			d.last = at
			d.failing.Store(!good)
		}
		if good && at.Unix() > d.good.Load() {
			d.good.Store(at.Unix())
		}
		return nil
	})
}

// drill makes one, and keeps what it says as data with their signature, and on paper.
func (d *drills) drill(ctx context.Context, now time.Time) (err error) {
	dir, err := os.MkdirTemp("", "naisen-report-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bounded, cancel := context.WithTimeout(ctx, drillTime)
	defer cancel()
	base := filepath.Join(dir, "drill")
	failed := d.perform(bounded, base)
	body, err := os.ReadFile(base + ".json")
	if err != nil { // it could not even say why
		return errors.Join(failed, err)
	}
	signature, err := os.ReadFile(base + ".json.sig")
	var r drillReport
	if err := errors.Join(err, json.Unmarshal(body, &r)); err != nil {
		return err
	}
	outcome, folder := "ok", now.UTC().Format(backupStamp)+drillGood
	if !r.OK {
		outcome, folder = "failed", now.UTC().Format(backupStamp)+drillBad
	}
	if err := d.keep(ctx, folder, r, body, signature); err != nil {
		return err
	}
	d.failing.Store(!r.OK)
	if r.OK {
		d.good.Store(now.Unix())
	}
	d.log.Info("pbx: restore drill", "ok", r.OK, "fault", r.Fault, "rto", r.RTO, "rpo", r.RPO)
	d.enter(provisioning.AuditEntry{Time: now, Domain: d.domain, Subject: "system", Action: "backup.drilled", Object: "drill/" + folder, Outcome: outcome,
		Detail: map[string]any{"backup": r.Backup, "rto_seconds": r.RTO, "rpo_seconds": r.RPO, "signer": r.Signer}})
	return nil
}

func (d *drills) keep(ctx context.Context, folder string, r drillReport, body, signature []byte) error {
	paper := r.paper()
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"drill.ja.pdf", func(w io.Writer) error { return paper.PDF(w, "ja") }}, {"drill.en.pdf", func(w io.Writer) error { return paper.PDF(w, "en") }},
		{"drill.json.sig", func(w io.Writer) error { _, err := w.Write(signature); return err }}, {"drill.json", func(w io.Writer) error { _, err := w.Write(body); return err }},
	} {
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			return err
		}
		name := folder + "/" + f.name
		if err := d.objects.Put(ctx, name, bytes.NewReader(b.Bytes()), int64(b.Len()), objstore.Lock{}); err != nil && !errors.Is(err, objstore.ErrExists) {
			return err
		}
		if err := d.objects.Retain(ctx, name, d.clock().Add(reportKeep)); err != nil && !errors.Is(err, objstore.ErrNoLocks) {
			return err
		}
	}
	return nil
}

// paper is the report as it is printed.
func (r drillReport) paper() report.Drill {
	out := report.Drill{Domain: r.Domain, Backup: r.Backup, Program: r.Program, Began: r.Began.In(tokyo), Made: r.Made.In(tokyo), OK: r.OK, Fault: r.Fault, RTO: r.RTO, MaxRTO: r.MaxRTO,
		RPO: r.RPO, MaxRPO: r.MaxRPO, Escrow: r.Escrow, Warnings: r.Warnings, Signer: r.Signer}
	if r.Made.IsZero() {
		out.Made = time.Time{}
	}
	for _, s := range r.Steps {
		out.Steps = append(out.Steps, report.DrillStep{Name: s.Name, OK: s.OK, Seconds: s.Seconds, Fault: s.Fault})
	}
	return out
}

// drillArgs are those of `pbx drill`, as the configuration says.
func (c Config) drillArgs(base string) []string {
	d := c.Backup.Drill
	args := []string{"drill", "--config", c.file, "--identity", d.Identity, "--report", base}
	for _, f := range []struct{ name, value string }{{"--keys", d.Keys}, {"--keys-identity", d.KeysIdentity}} {
		if f.value != "" {
			args = append(args, f.name, f.value)
		}
	}
	if d.RTO > 0 {
		args = append(args, "--rto", time.Duration(d.RTO).String())
	}
	return args
}

// drillProgram drills in a process of its own, behind the calls: what a copy does to a program that puts it back is not done to the switch.
func (c Config) drillProgram(ctx context.Context, base string) error {
	cmd := exec.CommandContext(ctx, renderProgram, c.drillArgs(base)...)
	said := &tail{most: drillStderr}
	cmd.Stderr = said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it removes what it restored
	cmd.WaitDelay = 30 * time.Second
	err := cmd.Start()
	if err == nil {
		err = errors.Join(unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, 19), cmd.Wait())
	}
	if err != nil {
		return fmt.Errorf("pbx drill: %w: %s", err, bytes.TrimSpace(said.b))
	}
	return nil
}

// tail keeps the last of what is written.
type tail struct {
	b    []byte
	most int
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-t.most):]
	return len(b), nil
}
