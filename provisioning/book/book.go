// Package book owns how people are found: one list of an organisation's contacts and extensions, in the order of their readings, with an index
// by number and a search that knows kana. It is pure: it reads no store and no clock, and an immutable Book may be read from any goroutine.
// It never decides who a viewer is; it only leaves out what that viewer may not see.
package book

import (
	"maps"
	"slices"
	"strings"

	"naisen/provisioning"
)

// Entry is one person or place that can be called. It never changes once it is in a Book.
type Entry struct {
	ID         string                       `json:"id" doc:"contact/ID or extension/NUMBER"`
	Name       string                       `json:"name"`
	Reading    string                       `json:"reading,omitempty" doc:"よみがな"`
	Romaji     string                       `json:"romaji,omitempty"`
	Department string                       `json:"department,omitempty"`
	Numbers    []provisioning.ContactNumber `json:"numbers" nullable:"false"`
	Email      string                       `json:"email,omitempty"`
	Note       string                       `json:"note,omitempty"`

	visible provisioning.Visibility
	called  []string   // what it is called, in each form and from each word on
	place   []string   // likewise its department
	dialled [][]string // the forms of each of its numbers
	order   string     // by which the list is sorted
	row     string     // of the gojūon
	exact   string     // what a search looks through, each form on a line of its own
	near    string     // the same with long vowels and voicing forgotten
	keys    []string   // normal forms of its numbers
}

// Viewer is who looks. The zero value sees what everybody may.
type Viewer struct {
	All         bool // cares for the book
	Roles       []provisioning.Role
	Departments []string
}

// sees tells whether v may know of e: an entry without limits is everybody's.
func (v Viewer) sees(e *Entry) bool {
	if v.All || e.visible.Everybody() {
		return true
	}
	return slices.ContainsFunc(e.visible.Roles, func(r provisioning.Role) bool { return slices.Contains(v.Roles, r) }) ||
		slices.ContainsFunc(e.visible.Departments, func(d string) bool { return slices.Contains(v.Departments, d) })
}

// Of makes the entry of a contact. country is the domain's ("81").
func Of(c provisioning.Contact, country string) *Entry {
	return prepare(&Entry{ID: provisioning.KindContact + "/" + c.ID, Name: c.Name, Reading: c.Reading, Romaji: c.Romaji, Department: c.Department,
		Numbers: c.Numbers, Email: c.Email, Note: c.Note, visible: c.Visible}, country)
}

// OfExtension makes the entry of an extension out of its own fields; nil: it is not listed.
func OfExtension(e provisioning.Extension, country string) *Entry {
	if e.Unlisted || e.Disabled {
		return nil
	}
	name := e.Display
	if name == "" {
		name = e.Number
	}
	return prepare(&Entry{ID: ExtensionID(e.Number), Name: name, Reading: e.Reading, Department: e.Department,
		Numbers: []provisioning.ContactNumber{{Kind: provisioning.NumberExtension, Number: e.Number}}}, country)
}

// ExtensionID is the ID of an extension's entry.
func ExtensionID(number string) string { return provisioning.KindExtension + "/" + number }

// ContactID is the ID of a contact's entry.
func ContactID(id string) string { return provisioning.KindContact + "/" + id }

func prepare(e *Entry, country string) *Entry {
	said := e.Reading
	if said == "" {
		said = e.Name
	}
	e.order = plain(hiragana(said))
	e.row = rowOf(e.order)
	var exact, near lines
	for _, text := range []string{e.Name, e.Reading, e.Department} {
		for _, part := range words(text) {
			near.add(loose(hiragana(part)))
		}
	}
	e.called = slices.Concat(spoken(e.Name), spoken(e.Reading), romanised(e.Reading), spoken(e.Romaji), romanised(e.Romaji))
	e.place = spoken(e.Department)
	for _, n := range e.Numbers {
		key := Normal(country, n.Number)
		forms := []string{key}
		if rest, ok := strings.CutPrefix(key, "0"); ok {
			forms = append(forms, orJapan(country)+rest)
		}
		e.dialled = append(e.dialled, forms)
		if key != "" && !slices.Contains(e.keys, key) {
			e.keys = append(e.keys, key)
		}
	}
	for _, list := range append([][]string{e.called, e.place, {strings.ToLower(e.Email)}}, e.dialled...) {
		for _, s := range list {
			exact.add(s)
		}
	}
	e.exact, e.near = exact.text, near.text
	return e
}

// spoken are the plain forms of a text, from each of its words on.
func spoken(s string) (out []string) {
	for _, part := range words(s) {
		out = append(out, plain(hiragana(part)))
	}
	return out
}

// romanised are its Latin forms: of kana what it is in rōmaji, of rōmaji its one spelling.
func romanised(s string) (out []string) {
	for _, part := range words(s) {
		out = append(out, roman(hiragana(part)))
	}
	return out
}

// lines is a text in which each line begins with a line feed, so that a beginning can be found like any other part.
type lines struct{ text string }

func (l *lines) add(s string) {
	if s != "" && !strings.Contains(l.text+"\n", "\n"+s+"\n") {
		l.text += "\n" + s
	}
}

// Book is the list. The zero value and nil are empty.
type Book struct {
	list    []*Entry // by order, then ID
	byID    map[string]*Entry
	numbers map[string][]*Entry // by normal form
}

// With is b after a change: put are entries that are new or replace the one of their ID, gone are IDs that are no more. b stays as it was.
// It costs a copy of the list, not a new index.
func (b *Book) With(put []*Entry, gone []string) *Book {
	if b == nil {
		b = &Book{}
	}
	next := &Book{byID: maps.Clone(b.byID), numbers: maps.Clone(b.numbers)}
	if next.byID == nil {
		next.byID, next.numbers = map[string]*Entry{}, map[string][]*Entry{}
	}
	for _, e := range put {
		gone = append(gone, e.ID)
	}
	dropped, lost := map[*Entry]bool{}, map[string]bool{}
	for _, id := range gone {
		if old := next.byID[id]; old != nil {
			dropped[old] = true
			delete(next.byID, id)
			for _, key := range old.keys {
				lost[key] = true
			}
		}
	}
	for key := range lost { // each once, however many have the number
		next.numbers[key] = slices.DeleteFunc(slices.Clone(next.numbers[key]), func(e *Entry) bool { return dropped[e] })
		if len(next.numbers[key]) == 0 {
			delete(next.numbers, key)
		}
	}
	fresh := slices.SortedFunc(slices.Values(put), compare)
	next.list = make([]*Entry, 0, len(b.list)+len(fresh))
	for _, e := range b.list {
		if dropped[e] {
			continue
		}
		for len(fresh) > 0 && compare(fresh[0], e) < 0 {
			next.list, fresh = append(next.list, fresh[0]), fresh[1:]
		}
		next.list = append(next.list, e)
	}
	next.list = append(next.list, fresh...)
	gained := map[string]bool{}
	for _, e := range put {
		next.byID[e.ID] = e
		for _, key := range e.keys {
			if !gained[key] {
				gained[key] = true
				next.numbers[key] = slices.Clip(next.numbers[key]) // what is appended goes to a list of our own, not to b's
			}
			next.numbers[key] = append(next.numbers[key], e)
		}
	}
	for key := range gained {
		slices.SortFunc(next.numbers[key], byRank)
	}
	return next
}

func compare(a, b *Entry) int {
	if c := strings.Compare(a.order, b.order); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// Len counts the entries.
func (b *Book) Len() int {
	if b == nil {
		return 0
	}
	return len(b.list)
}

// Named is the entry that has a number, as far as v may see it: an extension's own before a contact, then the first in order.
// Cost: one map look-up.
func (b *Book) Named(country, number string, v Viewer) (*Entry, bool) {
	if b == nil || number == "" {
		return nil, false
	}
	for _, e := range b.numbers[Normal(country, number)] {
		if v.sees(e) {
			return e, true
		}
	}
	return nil, false
}

// byRank orders those who have one number.
func byRank(a, b *Entry) int {
	if own(a) != own(b) {
		if own(a) {
			return -1
		}
		return 1
	}
	return compare(a, b)
}

func own(e *Entry) bool { return strings.HasPrefix(e.ID, provisioning.KindExtension+"/") }
