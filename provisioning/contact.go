package provisioning

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Contact is an entry of the shared directory 共用電話帳 that is no extension of ours: other offices, suppliers, people's mobiles. Extensions
// appear there by themselves.
type Contact struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Reading    string          `json:"reading,omitempty" doc:"よみがな, in any kana"`
	Romaji     string          `json:"romaji,omitempty" doc:"Where it differs from the reading"`
	Department string          `json:"department,omitempty"`
	Numbers    []ContactNumber `json:"numbers"`
	Email      string          `json:"email,omitempty"`
	Note       string          `json:"note,omitempty"`
	Visible    Visibility      `json:"visible,omitzero" doc:"Who sees it; left out: everybody of the domain"`
}

// ContactNumber is one way to call a contact, as people write it: 03-1234-5678, +81 3 1234 5678, 2001.
type ContactNumber struct {
	Kind   string `json:"kind" enum:"work,extension,mobile,home,fax,other"`
	Number string `json:"number"`
}

// The kinds of numbers.
const (
	NumberWork      = "work"
	NumberExtension = "extension"
	NumberMobile    = "mobile"
	NumberHome      = "home"
	NumberFax       = "fax"
	NumberOther     = "other"
)

// NumberKinds in their order.
func NumberKinds() []string {
	return []string{NumberWork, NumberExtension, NumberMobile, NumberHome, NumberFax, NumberOther}
}

// Visibility names who sees an entry: people with one of the roles, and people of one of the departments (as their extensions say).
type Visibility struct {
	Roles       []Role   `json:"roles,omitempty"`
	Departments []string `json:"departments,omitempty"`
}

// Everybody says that nobody is left out.
func (v Visibility) Everybody() bool { return len(v.Roles) == 0 && len(v.Departments) == 0 }

// MaxContacts bounds the contacts of a domain that one import may write.
const MaxContacts = 20_000

// Kind, Key: see Entity.
func (Contact) Kind() string  { return KindContact }
func (c Contact) Key() string { return c.ID }

// Refs of a contact: none.
func (Contact) Refs() []Ref { return nil }

func (c Contact) normal() Entity {
	c.Numbers = list(c.Numbers)
	return c
}

// Validate: see Entity.
func (c Contact) Validate() error {
	var k check
	k.name("id", c.ID)
	k.text("name", c.Name)
	k.must(strings.TrimSpace(c.Name) != "", "name", "is missing")
	k.text("reading", c.Reading)
	k.must(kana(c.Reading), "reading", "must be written in kana")
	k.text("romaji", c.Romaji)
	k.text("department", c.Department)
	k.list("numbers", len(c.Numbers), 0, 16)
	for i, n := range c.Numbers {
		if k.err != nil {
			break
		}
		at := "numbers[" + strconv.Itoa(i) + "]"
		k.oneOf(at+".kind", n.Kind, NumberKinds()...)
		k.must(len(n.Number) <= 64 && dialable(n.Number), at+".number", "must be 2 to 32 digits, perhaps with +, hyphens, brackets and blanks")
		k.must(!slices.Contains(c.Numbers[:i], n), at, "is there twice")
	}
	k.text("email", c.Email)
	user, host, ok := strings.Cut(c.Email, "@")
	k.must(c.Email == "" || ok && user != "" && host != "" && !strings.ContainsAny(c.Email, " \t<>\",;") && !strings.Contains(host, "@"), "email", "must be one e-mail address")
	k.text("note", c.Note)
	k.list("visible.roles", len(c.Visible.Roles), 0, len(Roles()))
	for i, r := range c.Visible.Roles {
		k.must(slices.Contains(Roles(), r), "visible.roles["+strconv.Itoa(i)+"]", "is no role")
	}
	k.list("visible.departments", len(c.Visible.Departments), 0, maxList)
	k.each("visible.departments", c.Visible.Departments, func(at, s string) {
		k.text(at, s)
		k.must(s != "", at, "is empty")
	})
	return k.result()
}

// kana is a reading: any kana, what is written among them, and Latin letters and digits of names that have none.
func kana(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case unicode.In(r, unicode.Hiragana, unicode.Katakana), strings.ContainsRune("ー・－‐-.ﾞﾟ･ｰ 　'゛゜", r):
			return false
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '０' && r <= 'ｚ':
			return false
		}
		return true
	})
}

// dialable is a number as people write it.
func dialable(s string) bool {
	n := 0
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9' || r >= '０' && r <= '９', r == '*', r == '#':
			n++
		case (r == '+' || r == '＋') && i == 0, strings.ContainsRune("-.() 　（）－ー‐", r):
		default:
			return false
		}
	}
	return n >= 2 && n <= 32
}
