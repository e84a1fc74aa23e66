package provisioning

import (
	"strconv"
	"strings"
	"time"
)

// Restriction is a class of restriction (発信規制): which outside numbers those may call who are assigned to it, by themselves or by their
// department, and when. Numbers inside and emergency numbers are open to everybody.
type Restriction struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Rights   Rights   `json:"rights" doc:"What is open"`
	Open     []string `json:"open" doc:"Numbers that are open besides: digits as they are dialled, or E.164 with +; * behind the beginning of numbers"`
	Closed   []string `json:"closed" doc:"Numbers that are closed in spite of rights. Of open and closed the longer entry counts, and of two alike this one"`
	Calendar string   `json:"calendar,omitempty" doc:"Calendar whose modes night and holiday go by"`
	Night    *Rights  `json:"night,omitempty" doc:"In place of rights while the calendar is not in day mode"`
	Holiday  *Rights  `json:"holiday,omitempty" doc:"Left out: as night"`
	WithPIN  *Rights  `json:"with_pin,omitempty" doc:"What the personal PIN opens besides, at any time; left out: nothing"`
}

// Department is who works together: what they may call, and what they dial in short.
type Department struct {
	Name        string   `json:"name" doc:"As it stands in department of its extensions"`
	Restriction string   `json:"restriction,omitempty" doc:"Class of its extensions that have neither a class nor rights of their own"`
	Numbers     []string `json:"numbers" doc:"DIDs that its people may show on outside calls, beside their own caller_id"`
	Parent      string   `json:"parent,omitempty" doc:"Department of which it is a part: who administers that one administers this one too"`
}

// At is what is open at a moment, and the mode of the calendar in which it is; c is the calendar that the class names.
func (r Restriction) At(c Calendar, t time.Time) (open Rights, mode string) {
	if r.Calendar == "" {
		return r.Rights, ModeDay
	}
	switch mode = c.Mode(t); {
	case mode == ModeHoliday && r.Holiday != nil:
		return *r.Holiday, mode
	case mode != ModeDay && r.Night != nil:
		return *r.Night, mode
	}
	return r.Rights, mode
}

// Names tells whether the lists open or close a number, which is given in every form that it has.
func (r Restriction) Names(forms ...string) (open, closed bool) {
	longest := func(list []string) (n int) {
		for _, entry := range list {
			begin, all := strings.CutSuffix(entry, "*")
			for _, f := range forms {
				if f == begin && !all {
					n = max(n, 100) // the number itself
				} else if all && strings.HasPrefix(f, begin) {
					n = max(n, len(begin))
				}
			}
		}
		return n
	}
	o, c := longest(r.Open), longest(r.Closed)
	return o > c, c >= o && c > 0
}

// Kind, Key: see Entity.
func (Restriction) Kind() string  { return KindRestriction }
func (r Restriction) Key() string { return r.Name }

// Refs of a class: its calendar.
func (r Restriction) Refs() []Ref {
	if r.Calendar == "" {
		return nil
	}
	return []Ref{{"calendar", KindCalendar, r.Calendar}}
}

func (r Restriction) normal() Entity {
	r.Rights = *r.Rights.normal()
	r.Open, r.Closed = list(r.Open), list(r.Closed)
	r.Night, r.Holiday, r.WithPIN = r.Night.normal(), r.Holiday.normal(), r.WithPIN.normal()
	return r
}

// Validate: see Entity.
func (r Restriction) Validate() error {
	var c check
	c.name("name", r.Name)
	c.text("title", r.Title)
	r.Rights.check(&c, "rights")
	r.Night.check(&c, "night")
	r.Holiday.check(&c, "holiday")
	r.WithPIN.check(&c, "with_pin")
	if r.Calendar != "" {
		c.name("calendar", r.Calendar)
	}
	c.must(r.Calendar != "" || r.Night == nil && r.Holiday == nil, "calendar", "must say when it is night")
	c.must(r.Calendar == "" || r.Night != nil || r.Holiday != nil, "night", "or holiday must say what is open then")
	for field, numbers := range map[string][]string{"open": r.Open, "closed": r.Closed} {
		c.list(field, len(numbers), 0, maxNumbers)
		c.each(field, numbers, func(at, s string) { checkNumbers(&c, at, s, field == "open") })
	}
	return c.result()
}

// maxNumbers bounds the lists of a class.
const maxNumbers = 500

// checkNumbers is a number, or the beginning of numbers with * behind. What is opened names numbers of one kind: a beginning so short that
// other countries or premium numbers would begin with it is for rights to open.
func checkNumbers(c *check, field, s string, open bool) {
	n, begin := strings.CutSuffix(s, "*")
	bare := strings.TrimLeft(n, "+#")
	c.must(len(n)-len(bare) <= 1 && only(bare, digits) && len(bare) >= 2 && len(bare) <= 20, field, "must be a number of 2 to 20 digits, perhaps after + or #, or the beginning of one and *")
	c.must(bare != "110" && bare != "118" && bare != "119", field, "is an emergency number: nobody can close it")
	least := 4
	if strings.HasPrefix(n, "+") {
		least = 2 // a country
	}
	c.must(!open || !begin || len(bare) >= least, field, "must have at least "+strconv.Itoa(least)+" digits before *")
	c.must(!strings.HasPrefix(n, "00") && !strings.HasPrefix(n, "010"), field, "must have + in place of 010")
}

// Kind, Key: see Entity.
func (Department) Kind() string  { return KindDepartment }
func (d Department) Key() string { return d.Name }

// Refs of a department: its class, its numbers and what it is a part of.
func (d Department) Refs() []Ref {
	out := refs("numbers", KindDID, d.Numbers)
	if d.Restriction != "" {
		out = append(out, Ref{"restriction", KindRestriction, d.Restriction})
	}
	if d.Parent != "" {
		out = append(out, Ref{"parent", KindDepartment, d.Parent})
	}
	return out
}

func (d Department) normal() Entity { d.Numbers = list(d.Numbers); return d }

// Validate: see Entity.
func (d Department) Validate() error {
	var c check
	c.list("numbers", len(d.Numbers), 0, maxShown-1)
	c.each("numbers", d.Numbers, func(at, s string) { c.e164(at, s) })
	c.text("name", d.Name)
	c.must(d.Name != "" && strings.TrimSpace(d.Name) == d.Name && len(d.Name) <= 128 && !strings.Contains(d.Name, "/"), "name", "must be a name without / and without blanks around it")
	if d.Restriction != "" {
		c.name("restriction", d.Restriction)
	}
	return c.result()
}
