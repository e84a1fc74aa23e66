package provisioning

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Modes of a calendar.
const (
	ModeDay     = "day"
	ModeNight   = "night"
	ModeHoliday = "holiday"
)

// Calendar says when an office is open (夜間切替). Numbers and groups name one, and where their calls go while it is closed.
type Calendar struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	Hours     []Hours   `json:"hours" doc:"When it is day; empty: always but on holidays"`
	Holidays  bool      `json:"holidays" doc:"Japan's public holidays are holidays here"`
	Closed    []Closed  `json:"closed" doc:"Further days on which it is closed (閉庁日)"`
	Manual    string    `json:"manual,omitempty" doc:"day, night or holiday: set by hand, whatever the time"`
	Until     time.Time `json:"until,omitzero" doc:"When what was set by hand ends; left out: when it is set anew"`
	Operators []string  `json:"operators" doc:"Extensions that may switch it by code"`
	Number    string    `json:"number,omitempty" doc:"Number whose lamp is lit while it is not day"`
}

// Hours of some days of the week. An evening that goes on after midnight is two entries.
type Hours struct {
	Days []string `json:"days" doc:"mon, tue, wed, thu, fri, sat, sun"`
	From string   `json:"from" doc:"Such as 08:30"`
	To   string   `json:"to" doc:"The minute that is no more part of it; 24:00 is midnight"`
}

// Closed days, both included.
type Closed struct {
	From  string `json:"from" doc:"Such as 2026-12-29"`
	To    string `json:"to"`
	Title string `json:"title,omitempty"`
}

// Turn is what a number does while its calendar is not in day mode: it says something, or sends the call elsewhere, or both in this order.
type Turn struct {
	Announce string       `json:"announce,omitempty" doc:"Prompt"`
	To       *Destination `json:"to,omitempty"`
}

// Closing is what numbers and groups share: when they are closed, and what then.
type Closing struct {
	Calendar string `json:"calendar"`
	Night    *Turn  `json:"night,omitempty"`
	Holiday  *Turn  `json:"holiday,omitempty" doc:"Left out: as night"`
}

// At is what happens in a mode; nil: it rings.
func (c *Closing) At(mode string) *Turn {
	switch {
	case c == nil:
		return nil
	case mode == ModeHoliday && c.Holiday != nil:
		return c.Holiday
	case mode != ModeDay:
		return c.Night
	}
	return nil
}

// Japan is the time that calendars and site policies go by.
func Japan() *time.Location { return japan() }

func japan() *time.Location { return jst }

// jst: Japan has one time and no summer time.
var jst = time.FixedZone("JST", 9*60*60)

// Mode of a moment, by the clock of Japan.
func (c Calendar) Mode(t time.Time) string {
	if c.Manual != "" && (c.Until.IsZero() || t.Before(c.Until)) {
		return c.Manual
	}
	t = t.In(japan())
	day, minute, weekday := t.Format(time.DateOnly), t.Format("15:04"), weekdays[t.Weekday()]
	if slices.ContainsFunc(c.Closed, func(d Closed) bool { return d.From <= day && day <= d.To }) {
		return ModeHoliday
	}
	if _, is := Holiday(t); is && c.Holidays {
		return ModeHoliday
	}
	open := func(h Hours) bool { return slices.Contains(h.Days, weekday) && h.From <= minute && minute < h.To }
	if len(c.Hours) == 0 || slices.ContainsFunc(c.Hours, open) {
		return ModeDay
	}
	return ModeNight
}

// Turned is the calendar after its key was pressed: closed where it was open, and open where it was closed; by itself again where that is
// what the clock says.
func (c Calendar) Turned(now time.Time) Calendar {
	want := ModeDay
	if c.Mode(now) == ModeDay {
		want = ModeNight
	}
	c.Manual, c.Until = "", time.Time{}
	if c.Mode(now) != want && (want == ModeDay || c.Mode(now) == ModeDay) {
		c.Manual = want
	}
	return c
}

// Kind, Key: see Entity.
func (Calendar) Kind() string  { return KindCalendar }
func (c Calendar) Key() string { return c.Name }
func (c Calendar) Refs() []Ref { return refs("operators", KindExtension, c.Operators) }
func (c Calendar) normal() Entity {
	c.Hours, c.Closed, c.Operators = list(c.Hours), list(c.Closed), list(c.Operators)
	for i := range c.Hours {
		c.Hours[i].Days = list(c.Hours[i].Days)
	}
	return c
}

// Validate: see Entity.
func (c Calendar) Validate() error {
	var k check
	k.name("name", c.Name)
	k.text("title", c.Title)
	k.list("hours", len(c.Hours), 0, maxList)
	k.list("closed", len(c.Closed), 0, 400)
	for i, h := range c.Hours {
		h.check(&k, "hours["+strconv.Itoa(i)+"]")
	}
	for i, d := range c.Closed {
		at := "closed[" + strconv.Itoa(i) + "]"
		k.must(isDate(d.From), at+".from", "must be a date such as 2026-12-29")
		k.must(isDate(d.To), at+".to", "must be a date such as 2026-12-29")
		k.must(d.From <= d.To, at+".to", "is before from")
		k.text(at+".title", d.Title)
	}
	k.list("operators", len(c.Operators), 0, maxList)
	k.each("operators", c.Operators, func(at, s string) { extensionNumber(&k, at, s) })
	k.oneOf("manual", c.Manual, "", ModeDay, ModeNight, ModeHoliday)
	k.must(c.Until.IsZero() || c.Manual != "", "until", "ends what was set by hand, and nothing was")
	if c.Number != "" {
		insideNumber(&k, "number", c.Number)
	}
	return k.result()
}

func (h Hours) check(k *check, at string) {
	k.list(at+".days", len(h.Days), 1, 7)
	k.each(at+".days", h.Days, func(at, s string) { k.oneOf(at, s, weekdays...) })
	k.must(isMinute(h.From), at+".from", "must be a time such as 08:30")
	k.must(isMinute(h.To) || h.To == "24:00", at+".to", "must be a time such as 17:15")
	k.must(h.From < h.To, at+".to", "must be after from")
}

func isMinute(s string) bool {
	t, err := time.Parse("15:04", s)
	return err == nil && t.Format("15:04") == s
}
func isDate(s string) bool {
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Format(time.DateOnly) == s
}

func (c *Closing) refs() []Ref {
	if c == nil {
		return nil
	}
	var out []Ref
	if c.Calendar != "" {
		out = append(out, Ref{"closing.calendar", KindCalendar, c.Calendar})
	}
	for field, t := range c.turns {
		out = append(out, t.To.refs(field+".to")...)
	}
	return out
}

func (c *Closing) turns(yield func(field string, t *Turn) bool) {
	_ = (c.Night == nil || yield("closing.night", c.Night)) && (c.Holiday == nil || yield("closing.holiday", c.Holiday))
}

func (c *Closing) check(k *check) {
	if c == nil {
		return
	}
	k.name("closing.calendar", c.Calendar)
	for field, t := range c.turns {
		k.must(t.Announce != "" || t.To != nil, field, "must say something or send calls somewhere")
		if t.Announce != "" {
			checkPrompt(k, field+".announce", t.Announce)
		}
		t.To.check(k, field+".to")
	}
}

// outside tells whether calls are sent to an outside number, for which somebody must answer.
func (c *Closing) outside() (field string, ok bool) {
	if c == nil {
		return "", false
	}
	for field, t := range c.turns {
		if t.To != nil && t.To.Number != "" {
			return field, true
		}
	}
	return "", false
}

func checkPrompt(c *check, field, s string) {
	c.must(len(s) <= maxName && only(s, "abcdefghijklmnopqrstuvwxyz0123456789._/-") && !strings.Contains(s, "..") && !strings.HasPrefix(s, "/"), field,
		"must be a prompt's name such as notice/recording")
}
