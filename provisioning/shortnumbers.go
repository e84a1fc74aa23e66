package provisioning

import (
	"slices"
	"strconv"
	"strings"
)

// ShortNumbers is one list of abbreviated numbers (短縮): the system's, a department's or a person's. What is dialled is the code of
// FeatureShort and the short one; what it stands for is judged by the rights of whoever dials it.
type ShortNumbers struct {
	List    string        `json:"list" doc:"Whose it is: system, department:NAME or user:NAME"`
	Entries []ShortNumber `json:"entries"`
}

// ShortNumber is one entry of a list.
type ShortNumber struct {
	Code   string `json:"code" doc:"1 to 4 digits; none is the beginning of another that the same person can dial"`
	Number string `json:"number" doc:"As it would be dialled"`
	Title  string `json:"title"`
}

// SystemList is the key of the list that everybody has.
const SystemList = "system"

// Bounds of the lists.
const (
	maxSystemEntries     = 1000
	maxDepartmentEntries = 200
	maxUserEntries       = 100
	maxShortCode         = 4
)

// UserList and DepartmentList are the keys of a person's and of a department's list.
func UserList(user string) string             { return "user:" + user }
func DepartmentList(department string) string { return "department:" + department }

// Owner is the user whose list it is; empty: nobody's.
func (s ShortNumbers) Owner() string {
	name, ok := strings.CutPrefix(s.List, "user:")
	if !ok {
		return ""
	}
	return name
}

func (s ShortNumbers) department() string {
	name, ok := strings.CutPrefix(s.List, "department:")
	if !ok {
		return ""
	}
	return name
}

// Find gives the number of a code.
func (s ShortNumbers) Find(code string) (string, bool) {
	i := slices.IndexFunc(s.Entries, func(e ShortNumber) bool { return e.Code == code })
	if i < 0 {
		return "", false
	}
	return s.Entries[i].Number, true
}

// Kind, Key: see Entity.
func (ShortNumbers) Kind() string  { return KindShortNumbers }
func (s ShortNumbers) Key() string { return s.List }

// Refs of a list: the person. A department is a word that extensions have.
func (s ShortNumbers) Refs() []Ref {
	if s.Owner() == "" {
		return nil
	}
	return []Ref{{"list", KindUser, s.Owner()}}
}

func (s ShortNumbers) normal() Entity { s.Entries = list(s.Entries); return s }

// Validate: see Entity.
func (s ShortNumbers) Validate() error {
	var c check
	most := maxUserEntries
	switch {
	case s.List == SystemList:
		most = maxSystemEntries
	case s.department() != "":
		c.text("list", s.List)
		c.must(!strings.Contains(s.List, "/"), "list", "holds a /")
		most = maxDepartmentEntries
	default:
		c.must(s.Owner() != "", "list", "must be system, department:NAME or user:NAME")
	}
	c.list("entries", len(s.Entries), 0, most)
	for i, e := range s.Entries {
		if c.err != nil {
			break
		}
		at := "entries[" + strconv.Itoa(i) + "]"
		c.must(e.Code != "" && len(e.Code) <= maxShortCode && only(e.Code, digits), at+".code", "must be 1 to 4 digits")
		shortenable(&c, at+".number", e.Number)
		c.text(at+".title", e.Title)
		if other, ok := clash(s.Entries[:i], e.Code); ok && c.err == nil {
			c.fail(at+".code", "overlaps with "+other)
		}
	}
	return c.result()
}

// shortenable is a number that may have a short one. Calls for help are dialled as they are: whoever is taught another number for them stands
// helpless at the next telephone.
func shortenable(c *check, field, s string) {
	outsideNumber(c, field, s)
	for _, prefix := range []string{"0", "+81", "1840", "1860"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			c.must(rest != "110" && rest != "118" && rest != "119", field, "is an emergency number")
		}
	}
}

// clash finds a code that begins with another one, or is the beginning of it: of what is dialled digit by digit one would hide the other.
func clash(list []ShortNumber, code string) (string, bool) {
	for _, e := range list {
		if strings.HasPrefix(e.Code, code) || strings.HasPrefix(code, e.Code) {
			return e.Code, true
		}
	}
	return "", false
}

// Check: nobody has one code in two lists.
func (s ShortNumbers) Check(r Reader, domain string) error {
	all, err := List[ShortNumbers](r, domain, "", 0)
	if err != nil {
		return err
	}
	people, err := List[Extension](r, domain, "", 0)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.List == s.List || !s.meets(other, people) {
			continue
		}
		for i, e := range s.Entries {
			if code, ok := clash(other.Entries, e.Code); ok {
				return &Invalid{Field: "entries[" + strconv.Itoa(i) + "].code", Reason: "overlaps with " + code + " of " + other.List}
			}
		}
	}
	return nil
}

// meets tells whether somebody has both lists.
func (s ShortNumbers) meets(other ShortNumbers, people []Extension) bool {
	if s.List == SystemList || other.List == SystemList {
		return true
	}
	user, department := s.Owner()+other.Owner(), s.department()+other.department()
	if s.Owner() != "" && other.Owner() != "" || s.department() != "" && other.department() != "" {
		return false
	}
	return slices.ContainsFunc(people, func(e Extension) bool { return e.User == user && e.Department == department })
}

// PartKey is the key of the part of a kind that belongs to an entity with that key: see Parts.
func PartKey(part, key string) string {
	if part == KindShortNumbers {
		return UserList(key)
	}
	return key
}
