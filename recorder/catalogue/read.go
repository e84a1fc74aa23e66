package catalogue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// MaxLimit is the most rows of one List.
const MaxLimit = 500

// Query selects rows of one domain, the newest first. Empty fields do not filter.
type Query struct {
	Domain   string
	Number   string // the recorded number
	Party    string // the number of anyone who took part
	State    recorder.State
	Policy   string
	From, To time.Time // of the start; From is in, To is out
	After    Cursor    // go on behind this row
	Limit    int       // default 50, at most MaxLimit
}

// Cursor is the place of a row in the order of List.
type Cursor struct {
	Started int64 // ms
	ID      string
}

// CursorOf is the place of r.
func CursorOf(r Row) Cursor { return Cursor{millis(r.Started), r.ID} }

// Get returns one row, or recorder.ErrNotFound.
func (c *Catalogue) Get(ctx context.Context, domain, id string) (Row, error) {
	if !storable(domain, id) {
		return Row{}, recorder.ErrNotFound
	}
	var m row
	err := c.read.NewSelect().Model(&m).Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Row{}, recorder.ErrNotFound
	}
	if err != nil {
		return Row{}, fmt.Errorf("catalogue: get: %w", err)
	}
	rows, err := fill(ctx, c.read, []row{m})
	if err != nil {
		return Row{}, err
	}
	return rows[0], nil
}

// List returns rows of a domain.
func (c *Catalogue) List(ctx context.Context, q Query) ([]Row, error) {
	if !storable(q.Domain, q.Number, q.Party, string(q.State), q.Policy, q.After.ID) {
		return nil, nil
	}
	if q.Limit <= 0 {
		q.Limit = 50
	}
	var found []row
	sel := c.read.NewSelect().Model(&found).Where("domain = ?", q.Domain).Where("removed = 0").OrderExpr("started DESC, id DESC").Limit(int64(min(q.Limit, MaxLimit)))
	if q.Number != "" {
		sel = sel.Where("number = ?", q.Number)
	}
	if q.Party != "" {
		sel = sel.Where("id IN (SELECT recording FROM recording_parties WHERE number = ?)", q.Party)
	}
	if q.State != "" {
		sel = sel.Where("state = ?", string(q.State))
	}
	if q.Policy != "" {
		sel = sel.Where("policy = ?", q.Policy)
	}
	if !q.From.IsZero() {
		sel = sel.Where("started >= ?", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		sel = sel.Where("started < ?", q.To.UnixMilli())
	}
	if q.After != (Cursor{}) {
		sel = sel.Where("(started, id) < (?, ?)", q.After.Started, q.After.ID)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: list: %w", err)
	}
	return fill(ctx, c.read, found)
}

// Unfinished calls fn for each recording, of all domains, that is neither stored nor failed.
func (c *Catalogue) Unfinished(ctx context.Context, fn func(Row) error) error {
	last := ""
	for {
		var found []row
		err := c.read.NewSelect().Model(&found).Where("state_rank < 3"). // as the index says it; Failed and Stored are above
											Where("id > ?", last).OrderExpr("id").Limit(MaxLimit).Scan(ctx)
		if err != nil {
			return fmt.Errorf("catalogue: unfinished: %w", err)
		}
		rows, err := fill(ctx, c.read, found)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
			last = r.ID
		}
		if len(rows) < MaxLimit {
			return nil
		}
	}
}

// Find is a recording by its id alone, whatever its domain, also one that is being destroyed: for this machine's own work, never for somebody who asks.
// recorder.ErrNotFound.
func (c *Catalogue) Find(ctx context.Context, id string) (Row, error) {
	var found []row
	if !storable(id) {
		return Row{}, recorder.ErrNotFound
	}
	if err := c.read.NewSelect().Model(&found).Where("id = ?", id).Scan(ctx); err != nil {
		return Row{}, fmt.Errorf("catalogue: find: %w", err)
	}
	rows, err := fill(ctx, c.read, found)
	if err != nil || len(rows) == 0 {
		return Row{}, errors.Join(recorder.ErrNotFound, err)
	}
	return rows[0], nil
}

// Known says that there is a row for an object, in whatever state, also one that is being destroyed.
func (c *Catalogue) Known(ctx context.Context, domain, object string) (bool, error) {
	if !storable(domain, object) {
		return false, nil
	}
	n, err := c.read.NewSelect().Table("recordings").Where("domain = ?", domain).Where("object = ?", object).Where("id = ?", idOf(object)).Count(ctx)
	if err != nil {
		return false, fmt.Errorf("catalogue: known: %w", err)
	}
	return n > 0, nil
}

// idOf is the recording's, as ObjectName has it.
func idOf(object string) string { return strings.TrimSuffix(path.Base(object), audioExt) }

// Day is a day of a domain, in UTC, as objects are sorted.
type Day struct {
	Domain string
	Start  time.Time
}

// Days are those on which a stored recording began.
func (c *Catalogue) Days(ctx context.Context) ([]Day, error) {
	const length = 24 * 60 * 60 * 1000 // in ms
	var found []struct {
		Domain string
		Day    int64
	}
	err := c.read.NewSelect().Table("recordings").Distinct().Column("domain").ColumnExpr("started / ? AS day", length).
		Where("state = ?", string(recorder.Stored)).Where("removed = 0").Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("catalogue: days: %w", err)
	}
	days := make([]Day, len(found))
	for i, f := range found {
		days[i] = Day{f.Domain, time.UnixMilli(f.Day * length).UTC()}
	}
	return days, nil
}

// Counts says how many rows are in each state.
func (c *Catalogue) Counts(ctx context.Context) (map[recorder.State]int64, error) {
	var found []struct {
		State string
		N     int64
	}
	err := c.read.NewSelect().Table("recordings").Column("state").ColumnExpr("COUNT(*) AS n").Group("state").Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("catalogue: counts: %w", err)
	}
	counts := map[recorder.State]int64{}
	for _, f := range found {
		counts[recorder.State(f.State)] = f.N
	}
	return counts, nil
}

// fill adds the parties, groups and cases.
func fill(ctx context.Context, db bun.IDB, found []row) ([]Row, error) {
	if len(found) == 0 {
		return nil, nil
	}
	rows := make([]Row, len(found))
	at := make(map[string]int, len(found))
	ids := make([]string, len(found))
	for i, m := range found {
		ids[i], at[m.ID] = m.ID, i
		rows[i] = m.row()
	}
	var parties []partyRow
	if err := db.NewSelect().Model(&parties).Where("recording IN (?)", bun.List(ids)).OrderExpr("recording, position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: parties: %w", err)
	}
	for _, p := range parties {
		r := &rows[at[p.Recording]]
		r.Parties = append(r.Parties, recorder.Party{Role: p.Role, Number: p.Number, Name: p.Name})
	}
	var groups []groupRow
	if err := db.NewSelect().Model(&groups).Where("recording IN (?)", bun.List(ids)).OrderExpr("recording, name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: groups: %w", err)
	}
	for _, g := range groups {
		r := &rows[at[g.Recording]]
		r.Groups = append(r.Groups, g.Name)
	}
	var cases []caseRow
	if err := db.NewSelect().Model(&cases).Where("recording IN (?)", bun.List(ids)).OrderExpr("recording, name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: cases: %w", err)
	}
	for _, k := range cases {
		r := &rows[at[k.Recording]]
		r.Cases = append(r.Cases, recorder.CaseNumber{Name: k.Name, Author: k.Author, Entered: moment(k.Entered)})
	}
	return rows, nil
}

func (m row) row() Row {
	return Row{ID: m.ID, Domain: m.Domain, Call: m.CallID, Number: m.Number, Direction: m.Direction, Policy: m.Policy,
		Started: moment(m.Started), Ended: moment(m.Ended), Duration: time.Duration(m.DurationMS) * time.Millisecond,
		State: recorder.State(m.State), Interrupted: m.Interrupted, Why: m.Why, Format: m.Format, Object: m.Object,
		SealedBytes: m.SealedBytes, SealedSHA256: m.SealedSHA256, AudioBytes: m.AudioBytes, Dropped: m.Dropped, Lost: m.Lost,
		RetainUntil: moment(m.RetainUntil), Problem: m.Problem, Changed: moment(m.Changed), Heard: moment(m.Heard),
		Held: moment(m.Held), HoldBy: m.HoldBy, HoldReason: m.HoldReason, Approved: moment(m.Approved), ApprovedBy: m.ApprovedBy, Certificate: m.Certificate,
		Label: recorder.LabelOf(m.Label), place: m.Place, Epoch: m.Epoch, Remarks: m.Remarks, RemarksDue: m.RemarksDue}
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
