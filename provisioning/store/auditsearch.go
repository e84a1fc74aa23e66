package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// Bounds of the work for one page. What they leave comes with the next page.
const (
	searchRows = 2000                  // entries that are read
	searchTime = 80 * time.Millisecond // after which no further part of the index is asked
)

// SearchAudit finds entries of a domain, a page at a time. A page may have fewer entries than its limit, or none, and more behind it: its work is bounded,
// whatever is asked. With no index (Config.Index) the log itself is read, page by page.
func (s *Store) SearchAudit(ctx context.Context, domain string, q provisioning.AuditSearch) (provisioning.AuditPage, error) {
	for _, text := range []string{domain, q.Subject, q.Object, q.Action, q.Kind, q.Outcome, q.Source, q.Text} {
		if text != "" && !storable(text) { // no entry has it
			return provisioning.AuditPage{}, nil
		}
	}
	if len([]rune(q.Text)) > maxText || q.Text != "" && len(asked(q.Text)) == 0 {
		return provisioning.AuditPage{}, &provisioning.Invalid{Field: "text", Reason: fmt.Sprintf("must have a letter or digit, and at most %d of them", maxText)}
	}
	if err := s.begin(); err != nil {
		return provisioning.AuditPage{}, err
	}
	defer s.busy.Done()
	f := &finder{s: s, domain: domain, q: q, limit: pageLimit(q.Limit), began: time.Now(), rows: searchRows}
	if s.index != nil {
		var err error
		if f.indexed, _, err = s.index.progress(ctx); err != nil {
			return provisioning.AuditPage{}, fmt.Errorf("store: search audit: %w", err)
		}
	}
	if err := f.begin(ctx); err != nil {
		return provisioning.AuditPage{}, fmt.Errorf("store: search audit: %w", err)
	}
	if err := f.run(ctx); err != nil {
		return provisioning.AuditPage{}, fmt.Errorf("store: search audit: %w", err)
	}
	return f.page, nil
}

// finder is one search for one page.
type finder struct {
	s       *Store
	domain  string
	q       provisioning.AuditSearch
	limit   int
	indexed int64 // the last entry in the index
	gone    int64 // the last entry that is archived
	began   time.Time
	rows    int // that may be read yet
	page    provisioning.AuditPage
	full    bool // the page ends here: Next says where the next one begins
}

// begin asks from when there are entries: the index names archived ones too.
func (f *finder) begin(ctx context.Context) error {
	return f.s.view(ctx, func(r *reader) (err error) {
		f.gone, f.page.From, err = archived(ctx, r.db)
		return err
	})
}

// run looks through the part with an index and that without in the order that was asked for.
func (f *finder) run(ctx context.Context) error {
	low, high := f.gone, int64(math.MaxInt64) // after low, before high
	if f.q.Newest && f.q.After > 0 {
		high = f.q.After
	} else if !f.q.Newest {
		low = max(low, f.q.After)
	}
	tail := func() error { return f.scan(ctx, max(low, f.indexed), high) }
	if f.q.Newest {
		if err := tail(); err != nil || f.full {
			return err
		}
	}
	if f.indexed > low && high > 1 {
		if err := f.inIndex(ctx, low, high); err != nil || f.full {
			return err
		}
	}
	if !f.q.Newest {
		return tail()
	}
	return nil
}

// take looks at an entry in the order of the page; false: the page is full.
func (f *finder) take(e provisioning.AuditEntry) bool {
	if f.matches(e) {
		if len(f.page.Entries) == f.limit {
			f.full, f.page.Next = true, f.page.Entries[f.limit-1].Seq
			return false
		}
		f.page.Entries = append(f.page.Entries, e)
	}
	f.rows--
	if f.rows <= 0 {
		f.full, f.page.Next = true, e.Seq
	}
	return !f.full
}

func (f *finder) matches(e provisioning.AuditEntry) bool {
	q := f.q
	for _, c := range [...]struct{ want, is string }{{f.domain, e.Domain}, {q.Subject, e.Subject}, {q.Object, e.Object}, {q.Outcome, e.Outcome}, {q.Source, e.Source},
		{q.Kind, kindOf(e)}} {
		if c.want != "" && c.want != c.is {
			return false
		}
	}
	if prefix, open := openAction(q.Action); open && !strings.HasPrefix(e.Action, prefix) || !open && q.Action != "" && q.Action != e.Action {
		return false
	}
	return (q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until)) && (q.Text == "" || says(e, q.Text))
}

// openAction: an action that ends with a dot or a star is a prefix of actions.
func openAction(action string) (prefix string, open bool) {
	prefix = strings.TrimSuffix(action, "*")
	return prefix, prefix != action || strings.HasSuffix(prefix, ".")
}

// scan reads the log itself between two entries.
func (f *finder) scan(ctx context.Context, after, before int64) error {
	for !f.full && before-after > 1 {
		want := min(f.rows, f.limit+100)
		entries, err := f.read(ctx, "seq > ? AND seq < ?", []any{after, before}, want)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !f.take(e) {
				return nil
			}
		}
		if len(entries) < want {
			return nil
		}
		if last := entries[len(entries)-1].Seq; f.q.Newest {
			before = last
		} else {
			after = last
		}
	}
	return nil
}

// read gives entries of the domain in the order of the page.
func (f *finder) read(ctx context.Context, where string, args []any, limit int) (out []provisioning.AuditEntry, err error) {
	err = f.s.view(ctx, func(r *reader) error {
		order := " ORDER BY seq LIMIT ?"
		if f.q.Newest {
			order = " ORDER BY seq DESC LIMIT ?"
		}
		rows, err := r.db.QueryContext(ctx, "SELECT seq, leaf FROM audit WHERE domain = ? AND "+where+order, append(append([]any{f.domain}, args...), limit)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var seq int64
			var leaf []byte
			if err := rows.Scan(&seq, &leaf); err != nil {
				return err
			}
			var e provisioning.AuditEntry
			if err := json.Unmarshal(leaf, &e); err != nil {
				return fmt.Errorf("audit entry %d: %w", seq, err)
			}
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}

// inIndex looks where the index says, part by part.
func (f *finder) inIndex(ctx context.Context, low, high int64) error {
	after, last, err := f.s.index.between(ctx, f.q.Since, f.q.Until, f.indexed)
	if err != nil {
		return err
	}
	low, high = max(low, after), min(high, last+1)
	for low < high-1 && !f.full {
		part := f.s.index.partOf(low + 1)
		if f.q.Newest {
			part = f.s.index.partOf(high - 1)
		}
		match := f.match(part)
		if match == "" {
			return f.scan(ctx, low, high)
		}
		from, to := max(low, part*f.s.index.part), min(high, (part+1)*f.s.index.part+1)
		if err := f.stretch(ctx, match, from, to); err != nil || f.full {
			return err
		}
		if f.q.Newest {
			high = from + 1
		} else {
			low = to - 1
		}
		if time.Since(f.began) > searchTime && low < high-1 {
			if f.full, f.page.Next = true, high; !f.q.Newest {
				f.page.Next = low
			}
		}
	}
	return nil
}

// stretch asks the index for entries after from and before to.
func (f *finder) stretch(ctx context.Context, match string, from, to int64) error {
	for !f.full && to-from > 1 {
		limit := min(f.rows, max(f.limit-len(f.page.Entries), 0)+20)
		seqs, err := f.s.index.find(ctx, match, from, to, limit, f.q.Newest)
		if err != nil || len(seqs) == 0 {
			return err
		}
		args := make([]any, len(seqs))
		for i, seq := range seqs {
			args[i] = seq
		}
		entries, err := f.read(ctx, "seq IN (?"+strings.Repeat(",?", len(seqs)-1)+")", args, len(seqs))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !f.take(e) {
				return nil
			}
		}
		if len(seqs) < limit {
			return nil
		}
		if last := seqs[len(seqs)-1]; f.q.Newest {
			to = last
		} else {
			from = last
		}
	}
	return nil
}

func (x *auditIndex) find(ctx context.Context, match string, from, to int64, limit int, newest bool) (out []int64, err error) {
	query := "SELECT rowid FROM entry WHERE entry MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid LIMIT ?"
	if newest {
		query = "SELECT rowid FROM entry WHERE entry MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC LIMIT ?"
	}
	rows, err := x.read.QueryContext(ctx, query, match, from, to, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		out = append(out, seq)
	}
	return out, rows.Err()
}

// match is the question in the index's language, for one part of the log; empty: the index has nothing to say to it.
func (f *finder) match(part int64) string {
	var all []string
	must := func(field, value string) {
		if value != "" {
			all = append(all, strings.TrimSpace(string(appendTerm(nil, part, f.domain, field, value))))
		}
	}
	must(termSubject, f.q.Subject)
	must(termObject, f.q.Object)
	must(termSource, f.q.Source)
	if words := asked(f.q.Text); f.q.Text != "" {
		for i := range min(len(words), maxAsked) { // from all over the text
			must(termWord, words[i*len(words)/min(len(words), maxAsked)])
		}
	}
	if prefix, open := openAction(f.q.Action); !open {
		must(termAction, f.q.Action)
	} else if noun := strings.TrimSuffix(prefix, "."); noun != prefix && !strings.Contains(noun, ".") {
		must(termNoun, noun)
	} else if those := f.actionsOf(part, prefix); those != "" {
		all = append(all, those)
	}
	must(termKind, f.q.Kind)
	must(termOutcome, f.q.Outcome)
	return strings.Join(all, " AND ")
}

// actionsOf is any event of the table that begins so; empty: none does, and the entries are asked.
func (f *finder) actionsOf(part int64, prefix string) string {
	var terms []string
	for _, action := range slices.Sorted(maps.Keys(audit.Events())) {
		if strings.HasPrefix(action, prefix) {
			terms = append(terms, strings.TrimSpace(string(appendTerm(nil, part, f.domain, termAction, action))))
		}
	}
	if len(terms) == 0 {
		return ""
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}
