package catalogue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// rank orders the states: a row only moves to a higher one, so stages may report late, twice or out of order. A recording that failed and
// was stored after all is stored.
func rank(s recorder.State) int {
	switch s {
	case recorder.Capturing:
		return 1
	case recorder.Captured:
		return 2
	case recorder.Failed:
		return 3
	case recorder.Stored:
		return 4
	}
	return 0
}

type row struct {
	bun.BaseModel `bun:"table:recordings,alias:r"`
	ID            string `bun:",pk"`
	Domain        string
	CallID        string
	Number        string
	Direction     string
	Policy        string
	Started       int64
	Ended         int64
	DurationMS    int64 `bun:"duration_ms"`
	State         string
	StateRank     int
	Interrupted   bool
	Why           string
	Format        string
	Object        string
	SealedBytes   int64
	SealedSHA256  string `bun:"sealed_sha256"`
	AudioBytes    int64
	Dropped       int64
	Lost          int64
	RetainUntil   int64
	Problem       string
	Changed       int64
	Heard         int64
	Removed       int64
	Held          int64
	HoldBy        string
	HoldReason    string
	Approved      int64
	ApprovedBy    string
	Certificate   string
	Label         int
	Epoch         int
	Place         int64
	Remarks       int
	RemarksEpoch  int
	RemarksDue    int
}

type partyRow struct {
	bun.BaseModel `bun:"table:recording_parties"`
	Recording     string `bun:",pk"`
	Position      int    `bun:",pk"`
	Role          string
	Number        string
	Name          string
}

// columns, in the order in which putIn names them, are replaced when a row moves on; id, domain and what people did with the recording stay. retain_until only gets later, epoch only higher, and the label
// higher, which is settled once the recording is stored: then only people change it.
var columns = []string{"call_id", "number", "direction", "policy", "started", "ended", "duration_ms", "state", "state_rank", "interrupted", "why",
	"format", "object", "sealed_bytes", "sealed_sha256", "audio_bytes", "dropped", "lost", "problem", "changed"}

// Begin notes that a recording is under way.
func (c *Catalogue) Begin(ctx context.Context, k recorder.Case) error {
	return c.put(ctx, fromCase(k), recorder.Capturing)
}

// Captured notes that it is over, rendered and sealed on this machine, and waits for the store.
func (c *Catalogue) Captured(ctx context.Context, m recorder.Manifest) error {
	return c.put(ctx, fromManifest(m), recorder.Captured)
}

// Stored notes that the store has it and gave the same back.
func (c *Catalogue) Stored(ctx context.Context, m recorder.Manifest) error {
	return c.put(ctx, fromManifest(m), recorder.Stored)
}

// Fail notes that nothing more can be done without a person; the row keeps what else it says. A recording that has no row gets one,
// unless even its domain is unknown.
func (c *Catalogue) Fail(ctx context.Context, k recorder.Case, problem string) error {
	return c.Aside(ctx, k, time.Time{}, problem)
}

// Aside is Fail of a recording of which something is left on this machine, which falls due at a time; zero: when somebody says. A later time that the
// row has stays.
func (c *Catalogue) Aside(ctx context.Context, k recorder.Case, until time.Time, problem string) error {
	known := false
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		var domain string
		err := tx.QueryRowContext(ctx, "SELECT domain FROM recordings WHERE id = ? AND state_rank <= ?", k.ID, rank(recorder.Failed)).Scan(&domain)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if known = err == nil; !known {
			return err
		}
		_, err = tx.NewUpdate().Table("recordings").Set("state = ?, state_rank = ?, problem = ?, changed = ?",
			string(recorder.Failed), rank(recorder.Failed), problem, c.now().UnixMilli()).
			Set("retain_until = CASE WHEN retain_until < ? THEN ? ELSE retain_until END", millis(until), millis(until)).Where("id = ?", k.ID).Exec(ctx)
		if err != nil {
			return err
		}
		return ignoreMissing(c.again(ctx, tx, domain, k.ID)) // it may be removed
	})
	if err != nil {
		return fmt.Errorf("catalogue: fail %s: %w", k.ID, err)
	}
	if known || k.Domain == "" {
		return nil
	}
	r := fromCase(k)
	r.Problem, r.RetainUntil = problem, until
	return c.put(ctx, r, recorder.Failed)
}

// Identify gives a row that stands for a recording of which nobody could read anything what is known of it now. What people did with it stays, but for
// their word on its end: they did not know whose it was.
func (c *Catalogue) Identify(ctx context.Context, k recorder.Case) error {
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewUpdate().Table("recordings").Set("domain = ?", clean(k.Domain)).Set("call_id = ?", clean(k.Call)).Set("started = ?", millis(k.Started)).
			Set("object = ?", ObjectName(k)).Set("approved = 0").Set("approved_by = ''").Set("changed = ?", c.now().UnixMilli()).
			Where("id = ?", k.ID).Where("state = ?", string(recorder.Failed)).Where("call_id = ''").Where("removed = 0").Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return c.again(ctx, tx, k.Domain, k.ID)
	})
	if err != nil {
		return fmt.Errorf("catalogue: identify %s: %w", k.ID, err)
	}
	return nil
}

func (c *Catalogue) put(ctx context.Context, r Row, state recorder.State) error {
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		w, err := c.putIn(ctx, tx, r, state)
		if err != nil || w == nil {
			return err
		}
		return c.enter(ctx, tx, w.row, w.fresh)
	})
	if err != nil {
		return fmt.Errorf("catalogue: %s %s: %w", state, r.ID, err)
	}
	return nil
}

// StoredAll is Stored of many at once.
func (c *Catalogue) StoredAll(ctx context.Context, many []recorder.Manifest) error {
	err := c.putAll(ctx, many, func(ctx context.Context, tx bun.Tx, m recorder.Manifest) (*written, error) {
		return c.putIn(ctx, tx, fromManifest(m), recorder.Stored)
	})
	if err != nil {
		return fmt.Errorf("catalogue: stored: %w", err)
	}
	return nil
}

// Going notes, of many at once, which recordings have begun and, where Ended is set, which are over and wait for their render: those stay in their state,
// and their rows say when and why. A row that is further already stays as it is.
func (c *Catalogue) Going(ctx context.Context, many []recorder.Manifest) error {
	err := c.putAll(ctx, many, func(ctx context.Context, tx bun.Tx, m recorder.Manifest) (*written, error) {
		if m.Ended.IsZero() {
			return c.putIn(ctx, tx, fromCase(m.Case), recorder.Capturing)
		}
		r := fromManifest(m)
		r.clean()
		return nil, c.pen(tx).do(ctx, setOver, millis(r.Ended), max(r.Ended.Sub(r.Started), 0).Milliseconds(), r.Why, c.now().UnixMilli(), r.ID, r.Domain, millis(r.Started))
	})
	if err != nil {
		return fmt.Errorf("catalogue: going: %w", err)
	}
	return nil
}

// putAll puts rows in one transaction, then what of them goes into the index.
func (c *Catalogue) putAll(ctx context.Context, many []recorder.Manifest, put func(context.Context, bun.Tx, recorder.Manifest) (*written, error)) error {
	return c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		var all []*written
		for _, m := range many {
			w, err := put(ctx, tx, m)
			if err != nil {
				return fmt.Errorf("%s: %w", m.ID, err)
			}
			if w != nil {
				all = append(all, w)
			}
		}
		for _, w := range all {
			if err := c.enter(ctx, tx, w.row, w.fresh); err != nil {
				return fmt.Errorf("%s: %w", w.row.ID, err)
			}
		}
		return nil
	})
}

// written is a row that was put, and whether it has its place in the index only now.
type written struct {
	row   Row
	fresh bool
}

// putIn writes a row and what belongs to it; the index is its caller's. nil: it is further already, or another recording has the id.
func (c *Catalogue) putIn(ctx context.Context, tx bun.Tx, r Row, state recorder.State) (*written, error) {
	r.clean()
	p := c.pen(tx)
	var level int // of a row that was there it may be a higher one
	err := p.one(ctx, putRow, r.ID, r.Domain,
		r.Call, r.Number, r.Direction, r.Policy, millis(r.Started), millis(r.Ended), r.Duration.Milliseconds(), string(state), rank(state), r.Interrupted, r.Why,
		r.Format, r.Object, r.SealedBytes, r.SealedSHA256, r.AudioBytes, r.Dropped, r.Lost, r.Problem, c.now().UnixMilli(),
		millis(r.RetainUntil), r.Label.Level(), r.Epoch).Scan(&r.place, &level)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.Label, r.State = recorder.LabelOf(level), state
	if err := attach(ctx, p, r); err != nil {
		return nil, err
	}
	fresh, err := seat(ctx, p, &r)
	return &written{r, fresh}, err
}

// attach replaces the parties and groups of a recording.
func attach(ctx context.Context, p pen, r Row) error {
	if r.place != 0 {
		for _, s := range []statement{dropParties, dropGroups} {
			if err := p.do(ctx, s, r.ID); err != nil {
				return err
			}
		}
	}
	for i, party := range r.Parties {
		if err := p.do(ctx, addParty, r.ID, i, party.Role, party.Number, party.Name); err != nil {
			return err
		}
	}
	for _, g := range r.Groups {
		if err := p.do(ctx, addGroup, r.ID, g); err != nil {
			return err
		}
	}
	return nil
}

func fromCase(k recorder.Case) Row {
	return Row{ID: k.ID, Domain: k.Domain, Call: k.Call, Number: k.DID, Groups: k.Groups, Direction: k.Direction, Policy: k.Policy, Started: k.Started,
		Parties: k.Parties, Object: ObjectName(k), Label: k.Label}
}

func fromManifest(m recorder.Manifest) Row {
	r := fromCase(m.Case)
	r.Ended, r.Duration = m.Ended, time.Duration(m.DurationMS)*time.Millisecond
	r.Interrupted, r.Why, r.Format = m.Interrupted, m.Why, m.Format
	r.SealedBytes, r.SealedSHA256, r.AudioBytes = m.SealedBytes, m.SealedSHA256, m.AudioBytes
	r.Dropped, r.Lost = m.Dropped, m.Lost
	r.RetainUntil = m.RetainUntil()
	r.Epoch = m.Epoch
	return r
}

// millis keeps a missing time as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
