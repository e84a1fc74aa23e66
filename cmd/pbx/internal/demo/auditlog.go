package demo

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// auditLog reads the entries of this story, stops the switch and verifies the log.
func (s *story) auditLog(ctx context.Context) error {
	var page struct{ Items []provisioning.AuditEntry }
	if err := s.api.get(ctx, s.admin, "/audit?limit=1000", &page); err != nil {
		return err
	}
	s.say("%4s  %-22s %-24s %-34s %s", "seq", "subject", "action", "object", "outcome")
	left, denied, allowed := 0, 0, 0
	for _, e := range page.Items {
		if e.Subject == "system" && !strings.HasPrefix(e.Action, "call.") {
			left++ // the first run
			continue
		}
		s.say("%4d  %-22s %-24s %-34s %s", e.Seq, e.Subject, e.Action, e.Object, e.Outcome)
		if e.Object == s.callID && e.Action == "recording.listen" {
			switch {
			case e.Outcome == "denied" && e.Subject == "clerk@"+s.sw.Domain:
				denied++
			case e.Outcome == "allowed" && e.Subject == "admin@"+s.sw.Domain:
				allowed++
			}
		}
	}
	s.say("      (and %d of the first run)", left)
	s.check(denied == 1 && allowed == 1, "The refused and the allowed playback are in the log, each once.")
	s.say("The switch is stopped: it signs a last checkpoint.")
	s.stopped = true
	if err := s.sw.Stop(); err != nil {
		return err
	}
	report, err := s.sw.Verify(ctx, s.sw.Dir)
	if err != nil {
		return err
	}
	s.check(report.OK() && report.Checkpoints > 0 && report.Since == 0, "audit verify: %s", report)
	return nil
}

// altered changes copies and sees whether it is noticed.
func (s *story) altered(ctx context.Context) error {
	if err := s.flipped(ctx); err != nil {
		return err
	}
	dir := filepath.Join(s.cfg.Dir, "altered")
	if err := copyTree(dir, s.sw.Dir); err != nil {
		return err
	}
	db := filepath.Join(dir, "pbx.db")
	text, err := readFile(db)
	if err != nil {
		return err
	}
	clerk, admin := []byte("clerk@"+s.sw.Domain), []byte("admin@"+s.sw.Domain) // of one length: SQLite keeps no sums that would break
	n := bytes.Count(text, clerk)
	if err := os.WriteFile(db, bytes.ReplaceAll(text, clerk, admin), 0o600); err != nil {
		return err
	}
	report, err := s.sw.Verify(ctx, dir)
	s.check(n > 0 && errors.Is(err, audit.ErrBroken) && !report.OK(),
		"In a copy of the database the clerk's attempt was made the administrator's (%d places). audit verify: %s.", n, report)
	return nil
}

// copyTree copies files with their modes.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), info.Mode().Perm())
		case !d.Type().IsRegular():
			return nil
		}
		text, err := readFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, info.Mode().Perm())
	})
}
