package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder/watermark"
)

// traceCmd says whose copy of a recording a file is. It reads the keys and the audit log of a running or a stopped switch, and changes nothing.
type traceCmd struct {
	configFlag
	File  string   `arg:"" type:"existingfile" help:"WAV file, or with --raw one of bare G.711 at 8 kHz."`
	Raw   string   `enum:"ulaw,alaw,none" default:"none" help:"The file has no head: ulaw or alaw."`
	Audit []string `type:"existingfile" help:"What 'pbx audit export' wrote, or entries as JSON, in place of the switch's own log." placeholder:"FILE"`
}

// Exit codes of `pbx recording trace`.
const (
	exitNoMark  = 3
	exitUnknown = 4 // a mark, and nobody whom it names
)

// exitError ends the program with its own code.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// Run implements `pbx recording trace`.
func (c traceCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	key, recorded, err := marksBeside(ctx, config)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	audio, err := c.audio(f)
	if err != nil {
		return err
	}
	report, err := key.Find(ctx, audio)
	if err != nil {
		return err
	}
	if len(report.Marks) == 0 {
		fmt.Fprintf(out, "透かしは見つかりません。音のある時間は %.0f 秒です（会話なら25秒ほど必要です）。\nNo mark. There are %.0f seconds of sound (of a conversation some 25 are needed).\n",
			report.Sounding.Seconds(), report.Sounding.Seconds())
		return &exitError{exitNoMark, "no mark"}
	}
	log, err := c.log(ctx, config, recorded)
	if err != nil {
		return err
	}
	unknown := false
	for _, m := range report.Marks {
		unknown = !log.tell(out, key, m) || unknown
	}
	fmt.Fprintf(out, "誤読の確率は %.1g 以下です。/ Odds of a mark read where there is none: below %.1g.\n", report.FalseRead(), report.FalseRead())
	if unknown {
		return &exitError{exitUnknown, "a mark that names nobody in the audit log"}
	}
	return nil
}

func (c traceCmd) audio(f *os.File) (*watermark.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if c.Raw != "none" {
		return watermark.OpenRaw(f, info.Size(), watermark.Law(c.Raw)), nil
	}
	return watermark.OpenFile(f, info.Size())
}

// marksBeside opens the key of the marks, and says in which domains anything was ever recorded: they have keys, also those that are gone since. Where there
// is no key of the marks it makes none.
func marksBeside(ctx context.Context, c Config) (*watermark.Key, []string, error) {
	if _, err := os.Stat(c.marksPath()); err != nil {
		return nil, nil, err
	}
	v := &vault{}
	if err := v.openRing(c); err != nil {
		return nil, nil, err
	}
	recorded, err := v.files.Domains()
	if err != nil {
		return nil, nil, err
	}
	key, err := watermark.NewHolder(c.marksPath(), v.sealer).Key(ctx)
	return key, recorded, err
}

// heardLog is the entries of the audit log that name a listening, by its number, in the order in which they were written.
type heardLog map[watermark.ID][]provisioning.AuditEntry

func (c traceCmd) log(ctx context.Context, config Config, recorded []string) (heardLog, error) {
	if len(c.Audit) == 0 {
		return logBeside(ctx, config, recorded)
	}
	log := heardLog{}
	for _, name := range c.Audit {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		err = log.file(ctx, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return log, nil
}

// file reads what `pbx audit export` wrote, whose tree must be whole, or else JSON.
func (l heardLog) file(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	exported, err := audit.OpenExport(f, info.Size())
	if err != nil { // it is no export
		return l.read(io.NewSectionReader(f, 0, info.Size()))
	}
	if _, err := audit.Verify(ctx, exported); err != nil {
		return err
	}
	for after := int64(0); ; {
		records, err := exported.AuditRecords(ctx, after, provisioning.MaxPage)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			var e provisioning.AuditEntry
			if err := json.Unmarshal(r.Leaf, &e); err != nil {
				return fmt.Errorf("entry %d: %w", r.Seq, err)
			}
			l.take(e)
			after = r.Seq
		}
	}
}

// take enters what names a listening.
func (l heardLog) take(e provisioning.AuditEntry) {
	number, _ := e.Detail["watermark"].(string)
	if id, err := watermark.ParseID(number); err == nil {
		l[id] = append(l[id], e)
	}
}

// read takes JSON: entries one after the other, arrays of them, or what REST answers.
func (l heardLog) read(r io.Reader) error {
	for in := json.NewDecoder(r); ; {
		var raw json.RawMessage
		if err := in.Decode(&raw); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var page struct {
			Items []provisioning.AuditEntry `json:"items"`
			provisioning.AuditEntry
		}
		var list []provisioning.AuditEntry
		if json.Unmarshal(raw, &list) != nil {
			if err := json.Unmarshal(raw, &page); err != nil {
				return err
			}
			list = append(page.Items, page.AuditEntry)
		}
		for _, e := range list {
			l.take(e)
		}
	}
}

// logBeside reads the switch's own audit log, of the domains that there are and of those in which something was recorded: what was heard in a domain
// that is gone is still in the log.
func logBeside(ctx context.Context, c Config, recorded []string) (heardLog, error) {
	if err := databaseThere(c); err != nil {
		return nil, err
	}
	keys, err := secret.OpenKeyring(c.path("keys", "secrets.key"))
	if err != nil {
		return nil, err
	}
	s, err := openDatabase(ctx, c, store.Config{Sealer: keys})
	if err != nil {
		return nil, err
	}
	log := heardLog{}
	err = s.View(ctx, func(r provisioning.Reader) error {
		domains, err := r.Rows("", provisioning.KindDomain, "", 0)
		if err != nil {
			return err
		}
		all := slices.Clone(recorded)
		for _, d := range domains {
			all = append(all, d.Key)
		}
		slices.Sort(all)
		for _, d := range slices.Compact(all) {
			if err := log.domain(r, d); err != nil {
				return err
			}
		}
		return nil
	})
	return log, errors.Join(err, s.Close())
}

func (l heardLog) domain(r provisioning.Reader, domain string) error {
	for q := (provisioning.AuditQuery{Action: "recording."}); ; {
		page, err := r.Audit(domain, q)
		if err != nil {
			return err
		}
		for _, e := range page {
			l.take(e)
			q.After = e.Seq
		}
		if len(page) < provisioning.MaxPage {
			return nil
		}
	}
}

// tell says whose a mark is; false: nobody's whom the log knows.
func (l heardLog) tell(out io.Writer, key *watermark.Key, m watermark.Mark) bool {
	fmt.Fprintf(out, "%s – %s: ", m.From.Round(time.Second), m.To.Round(time.Second))
	known := false
	if m.Read {
		fmt.Fprintf(out, "透かし / mark %s, %s\n", m.ID, m.ID.Began().Format(time.RFC3339))
		if entries := l[m.ID]; len(entries) > 0 {
			known = show(out, key, m.ID, entries)
		} else {
			fmt.Fprintln(out, "  監査ログにこの聴取の記録がありません。/ The audit log has no such listening.")
		}
	} else {
		fmt.Fprintln(out, "透かしはありますが、読み取れません。複数の写しを混ぜた可能性があります。/ A mark that cannot be read; several copies may have been mixed.")
	}
	for _, id := range m.Fit(key, slices.Sorted(maps.Keys(l))) { // of copies that were mixed one may still be read, and the others fit as well
		fmt.Fprintln(out, "  次の聴取と一致します。/ It fits this listening:", id)
		known = show(out, key, id, l[id]) && !m.Read || known
	}
	return known
}

// show says what the log has about a listening; false: the entries are not those with which the mark was made.
func show(out io.Writer, key *watermark.Key, id watermark.ID, entries []provisioning.AuditEntry) bool {
	first, last := entries[0], entries[len(entries)-1]
	recording, _ := first.Detail["recording"].(string)
	fmt.Fprintf(out, "  聴取者 / listener   %s\n  聴取時刻 / time      %s – %s (%d)\n  録音 / recording    %s %s\n  監査ログ / audit log %d – %d\n", first.Subject,
		first.Time.Local().Format(time.RFC3339), last.Time.Local().Format(time.RFC3339), len(entries), first.Domain, recording, first.Seq, last.Seq)
	for _, e := range entries {
		recording, _ := e.Detail["recording"].(string)
		if key.ID(watermark.Listening{Listener: e.Subject, Domain: e.Domain, Recording: recording, Began: id.Began()}) != id {
			fmt.Fprintf(out, "  監査ログの項目 %d は、この透かしを作った聴取のものではありません。改変の疑いがあります。/ Entry %d is not the listening that made this mark: it may have been altered.\n", e.Seq, e.Seq)
			return false
		}
	}
	return true
}
