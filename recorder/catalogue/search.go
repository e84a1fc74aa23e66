package catalogue

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"naisen/recorder"
)

// Search selects recordings of one domain that a scope covers, the newest first. Empty fields do not filter. What the scope does not cover changes neither
// what is found nor how long it takes: the index is asked for terms of the scope's own units and for no others.
type Search struct {
	Domain string
	Scope  recorder.Scope

	Number   string // the recorded one
	Party    string // of anyone who took part; both in any form that Words brings to one
	Name     string // words of a party's name
	Group    string
	Label    recorder.Label
	Note     string // words of notes
	Case     string // its number, whole
	State    recorder.State
	From, To time.Time // of the start; From is in, To is out

	After int64 // what the page before gave as next; 0: from the newest on
	Limit int   // default 50, at most MaxLimit
}

// Item is what a Gate must know of it.
func (r Row) Item() recorder.Item {
	i := recorder.Item{Domain: r.Domain, ID: r.ID, Number: r.Number, Groups: r.Groups, Label: r.Label, Started: r.Started, Cases: r.Cases}
	for _, p := range r.Parties {
		i.Parties = append(i.Parties, p.Number)
	}
	return i
}

// maxLooked bounds how many rows one page looks at that its terms name and that are not what is searched: letters in another order. So a page may
// have fewer rows than its limit, or none, and more behind it.
const maxLooked = 1000

// Search returns a page, and after which place the next one begins; 0: there is none.
func (c *Catalogue) Search(ctx context.Context, s Search) (rows []Row, next int64, err error) {
	if !storable(s.Domain, s.Number, s.Party, s.Name, s.Group, string(s.Label), s.Note, s.Case, string(s.State)) {
		return nil, 0, nil
	}
	if s.Limit <= 0 {
		s.Limit = 50
	}
	s.Limit = min(s.Limit, MaxLimit)
	match := c.words.match(s)
	if match == "" {
		return nil, 0, nil
	}
	for looked := 0; ; {
		found, err := c.found(ctx, s, match, s.Limit+1)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range found {
			ok, err := c.truly(ctx, s, r)
			switch {
			case err != nil:
				return nil, 0, err
			case ok && len(rows) == s.Limit:
				return rows, s.After, nil
			case ok:
				rows = append(rows, r)
			}
			s.After = r.place
		}
		if len(found) <= s.Limit {
			return rows, 0, nil
		}
		if looked += len(found); looked >= maxLooked {
			return rows, s.After, nil
		}
	}
}

// searchRows asks the index first, in its own order, and finds each row by its place.
const searchRows = "SELECT r.* FROM recording_terms AS t CROSS JOIN recordings AS r ON r.place = t.rowid " +
	"WHERE recording_terms MATCH ? AND t.rowid >= ? AND t.rowid < ? AND r.removed = 0 ORDER BY t.rowid DESC LIMIT ?"

// found asks the index. It gives rows in the order of their places by itself, and stops where enough were found.
func (c *Catalogue) found(ctx context.Context, s Search, match string, limit int) ([]Row, error) {
	from, to := int64(0), int64(math.MaxInt64)
	if !s.From.IsZero() {
		from = max(s.From.UnixMilli(), 0) * placesPerMS
	}
	if !s.To.IsZero() {
		to = max(s.To.UnixMilli(), 0)*placesPerMS + 1
	}
	if s.After > 0 {
		to = min(to, s.After)
	}
	var found []row
	err := c.read.NewRaw(searchRows, match, from, to, limit).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("catalogue: search: %w", err)
	}
	return fill(ctx, c.read, found)
}

// match is the question in the index's language; empty: nothing can be found.
func (w Words) match(s Search) string {
	wish, ok := w.wish(s)
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, u := range unitsIn(s.Domain, s.Scope, s.labels()) {
		if b.Len() > 0 {
			b.WriteString(" OR ")
		}
		b.WriteByte('(')
		for i, p := range wish {
			if i > 0 {
				b.WriteString(" AND ")
			}
			b.WriteString(u.term(p.kind, p.value))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// labels are those that are asked for and may be seen.
func (s Search) labels() (out []recorder.Label) {
	for _, l := range recorder.Labels() {
		if s.Scope.Sees(l) && (s.Label == "" || s.Label == l) {
			out = append(out, l)
		}
	}
	return out
}

// wish is what a recording must have; false: something is asked for that no text has.
func (w Words) wish(s Search) ([]pair, bool) {
	var all []pair
	for _, p := range []pair{{termNumber, w.number(s.Number)}, {termParty, w.number(s.Party)}, {termGroup, s.Group}, {termCase, w.fold(s.Case)}, {termState, string(s.State)}} {
		if p.value != "" {
			all = append(all, p)
		}
	}
	if s.Number != "" && w.number(s.Number) == "" || s.Party != "" && w.number(s.Party) == "" || s.Case != "" && w.fold(s.Case) == "" {
		return nil, false
	}
	for _, text := range []pair{{termName, s.Name}, {termNote, s.Note}} {
		if text.value == "" {
			continue
		}
		pairs, ok := w.wanted(text.kind, text.value)
		if !ok {
			return nil, false
		}
		all = append(all, some(pairs)...)
	}
	if len(all) == 0 {
		all = []pair{{termAny, ""}}
	}
	return all, true
}

// maxWanted bounds how many pairs of letters of one text are asked of the index, for each unit again. The row says whether the others are there.
const maxWanted = 8

// some are maxWanted of them, from all over the text.
func some(pairs []pair) []pair {
	if len(pairs) <= maxWanted {
		return pairs
	}
	out := make([]pair, maxWanted)
	for i := range out {
		out[i] = pairs[i*(len(pairs)-1)/(maxWanted-1)]
	}
	return out
}

// truly looks at the row itself: terms are hashes, and know no order of letters.
func (c *Catalogue) truly(ctx context.Context, s Search, r Row) (bool, error) {
	if r.Domain != s.Domain || !s.Scope.Covers(r.Item()) || s.Label != "" && r.Label.Or() != s.Label {
		return false, nil
	}
	if s.Name != "" {
		names := make([]string, len(r.Parties))
		for i, p := range r.Parties {
			names[i] = p.Name
		}
		if !c.words.holds(s.Name, names...) {
			return false, nil
		}
	}
	if s.Note == "" {
		return true, nil
	}
	notes, err := notesOf(ctx, c.read, r.ID)
	texts := make([]string, len(notes))
	for i, n := range notes {
		texts[i] = n.Text
	}
	return c.words.holds(s.Note, texts...), err
}
