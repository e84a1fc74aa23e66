package book

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"naisen/provisioning"
)

// MaxText bounds what is searched for, in bytes; MaxPage the entries of one page.
const (
	MaxText = 256
	MaxPage = 1000
)

// Query says what to find. The zero value is the first page of everything.
type Query struct {
	Text       string // words that must all be found, each in a name, reading, department, address or number
	Row        string // of the gojūon: one of Rows; empty: all
	Department string // exactly; empty: all
	After      string // Page.Next of the page before
	Limit      int    // 0 and more than MaxPage: MaxPage
}

// Page is one part of what was found.
type Page struct {
	Entries []*Entry
	Next    string // empty: there is no more
}

// How well an entry fits, the best first.
const (
	fitBegins = iota // every word begins something
	fitHolds         // every word stands somewhere
	fitNear          // with long vowels and voicing forgotten
	fitNot
)

// Search finds entries that v may see: those that begin with what is searched for first, then by reading. Each call looks at every entry of
// the book. Errors: *provisioning.Invalid, provisioning.ErrNotFound when the entry that After names is there no more.
func (b *Book) Search(q Query, v Viewer) (Page, error) {
	if len(q.Text) > MaxText {
		return Page{}, &provisioning.Invalid{Field: "q", Reason: "is longer than " + strconv.Itoa(MaxText) + " bytes"}
	}
	if q.Row != "" && !slices.Contains(Rows, q.Row) {
		return Page{}, &provisioning.Invalid{Field: "row", Reason: "must be one of " + strings.Join(Rows, ", ")}
	}
	limit := q.Limit
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	var found [fitNot][]*Entry
	wanted := wishes(q.Text)
	if b != nil {
		for _, e := range b.list {
			if q.Row != "" && e.row != q.Row || q.Department != "" && e.Department != q.Department || !v.sees(e) {
				continue
			}
			if fit := e.fits(wanted); fit != fitNot {
				found[fit] = append(found[fit], e)
			}
		}
	}
	return cut(slices.Concat(found[:]...), q.After, limit)
}

func cut(all []*Entry, after string, limit int) (Page, error) {
	if after != "" {
		i := slices.IndexFunc(all, func(e *Entry) bool { return e.ID == after })
		if i < 0 {
			return Page{}, fmt.Errorf("%w: entry of the page before", provisioning.ErrNotFound)
		}
		all = all[i+1:]
	}
	if len(all) <= limit {
		return Page{Entries: all}, nil
	}
	return Page{Entries: all[:limit], Next: all[limit-1].ID}, nil
}

// wish is one word in the forms in which it may be found.
type wish struct {
	exact []string
	near  string
}

func wishes(text string) (out []wish) {
	for _, word := range strings.Fields(norm.NFKC.String(text)) {
		h := hiragana(word)
		var w wish
		add := func(s string) {
			if s != "" && !slices.Contains(w.exact, s) {
				w.exact = append(w.exact, s)
			}
		}
		add(plain(h))
		w.near = loose(h)
		switch {
		case strings.Trim(word, "+*#0123456789-().") == "":
			if n := Normal("", word); len(n) > 1 {
				add(n)
			}
			w.near = ""
		case strings.Trim(h, "abcdefghijklmnopqrstuvwxyz'-") == "":
			add(latin(h))
			w.near = ""
		case strings.Contains(word, "@"):
			w.exact, w.near = []string{strings.ToLower(word)}, ""
		}
		if len(w.exact) > 0 {
			out = append(out, w)
		}
	}
	return out
}

func (e *Entry) fits(wanted []wish) int {
	worst := fitBegins
	for _, w := range wanted {
		fit := fitNot
		switch {
		case slices.ContainsFunc(w.exact, func(s string) bool { return strings.Contains(e.exact, "\n"+s) }):
			fit = fitBegins
		case slices.ContainsFunc(w.exact, func(s string) bool { return strings.Contains(e.exact, s) }):
			fit = fitHolds
		case w.near != "" && strings.Contains(e.near, w.near):
			fit = fitNear
		}
		worst = max(worst, fit)
	}
	return worst
}

// Counts says how many entries v may see in each row of the gojūon; rows without any are missing.
func (b *Book) Counts(v Viewer) map[string]int {
	out := map[string]int{}
	if b != nil {
		for _, e := range b.list {
			if v.sees(e) {
				out[e.row]++
			}
		}
	}
	return out
}

// All yields the entries that v may see, by reading.
func (b *Book) All(v Viewer) func(yield func(*Entry) bool) {
	return func(yield func(*Entry) bool) {
		if b == nil {
			return
		}
		for _, e := range b.list {
			if v.sees(e) && !yield(e) {
				return
			}
		}
	}
}
