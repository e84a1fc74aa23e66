package catalogue

import (
	"context"
	"fmt"
	"math"
	"slices"
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
const maxLooked = 500

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
	limit, looked := s.Limit+1, 0
	for {
		found, err := c.found(ctx, s, match, limit)
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
		if len(found) < limit {
			return rows, 0, nil
		}
		if looked += len(found); looked >= maxLooked {
			return rows, s.After, nil
		}
		limit = max(maxLooked-looked, s.Limit+1) // to ask again costs more than to look at rows
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
	units := w.unitsFor(s)
	wish, ok := w.wish(s, max(maxTerms/max(len(units), 1), 1))
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, u := range units {
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

// unitsFor a question: those of the scope that may have what is asked for. Of a number the unit of another number has nothing.
func (w Words) unitsFor(s Search) []unit {
	units := unitsIn(s.Domain, s.Scope, s.labels())
	if s.Number == "" {
		return units
	}
	number := w.number(s.Number)
	return slices.DeleteFunc(units, func(u unit) bool { return u.kind == unitNumber && w.number(u.name) != number })
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

// wish is what a recording must have, with as many pairs of letters of each text as may be; false: something is asked for that no text has.
func (w Words) wish(s Search, letters int) ([]pair, bool) {
	var all []pair
	for _, p := range []pair{{termNumber, w.number(s.Number)}, {termParty, w.number(s.Party)}, {termGroup, s.Group}, {termCase, w.fold(s.Case)}} {
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
		all = append(all, some(pairs, min(letters, maxWanted))...)
	}
	if s.State != "" && (s.State != recorder.Stored || len(all) == 0) { // nearly all are stored: the row says it sooner than the index
		all = append(all, pair{termState, string(s.State)})
	}
	if len(all) == 0 {
		all = []pair{{termAny, ""}}
	}
	return all, true
}

// Bounds of what is asked of the index. maxWanted is of pairs of letters of one text, maxTerms of those of all units: each word of each unit is looked
// up by itself. The row says whether the other letters are there.
const (
	maxWanted = 8
	maxTerms  = 300
)

// some are n of the pairs, from all over the text.
func some(pairs []pair, n int) []pair {
	if len(pairs) <= n {
		return pairs
	}
	out := make([]pair, n)
	for i := range out {
		out[i] = pairs[i*(len(pairs)-1)/max(n-1, 1)]
	}
	return out
}

// truly looks at the row itself: terms are hashes, and know no order of letters.
func (c *Catalogue) truly(ctx context.Context, s Search, r Row) (bool, error) {
	if r.Domain != s.Domain || !s.Scope.Covers(r.Item()) || s.Label != "" && r.Label.Or() != s.Label || s.State != "" && r.State != s.State {
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
