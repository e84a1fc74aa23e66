package provisioning

import "time"

// HotDesking says that people may sign in at an extension's telephone with their own number and PIN, and what becomes of its own number then.
type HotDesking struct {
	OwnNumber string `json:"own_number,omitempty" doc:"While somebody is signed in: rings (default) or silent"`
	Hours     int    `json:"hours,omitempty" doc:"Who is signed in that long is signed out; 0: 12"`
	At        string `json:"at,omitempty" doc:"Time of day at which everybody is signed out, such as 20:00"`
}

// HotDesk is somebody signed in at the telephone of another extension, which then acts as theirs: who calls them rings there, and who calls from
// there is them. The registration stays the telephone's, and so does the place from which it calls for help. It ends by the clock, without anybody
// who must see to it.
type HotDesk struct {
	Desk   string    `json:"desk" doc:"Extension of the telephone"`
	Person string    `json:"person" doc:"Extension of who is signed in"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

const (
	deskHours    = 12
	deskSilent   = "silent"
	maxDeskHours = 24 * 7
)

// Silent says that the telephone's own number does not ring while somebody is signed in.
func (h *HotDesking) Silent() bool { return h != nil && h.OwnNumber == deskSilent }

// ends is when somebody who signs in now is signed out.
func (h HotDesking) ends(now time.Time) time.Time {
	hours := h.Hours
	if hours == 0 {
		hours = deskHours
	}
	end := now.Add(time.Duration(hours) * time.Hour)
	if h.At == "" {
		return end
	}
	clock, err := time.Parse("15:04", h.At)
	if err != nil { // the store validates
		return end
	}
	here := now.In(japan())
	at := time.Date(here.Year(), here.Month(), here.Day(), clock.Hour(), clock.Minute(), 0, 0, japan())
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	if at.Before(end) {
		return at
	}
	return end
}

func (h *HotDesking) check(c *check, field string) {
	if h == nil {
		return
	}
	c.oneOf(field+".own_number", h.OwnNumber, "", "rings", deskSilent)
	c.between(field+".hours", h.Hours, 0, maxDeskHours)
	c.must(h.At == "" || isMinute(h.At), field+".at", "must be a time such as 20:00")
}

// Kind, Key: see Entity.
func (HotDesk) Kind() string  { return KindHotDesk }
func (h HotDesk) Key() string { return h.Desk }

// Refs: the telephone, of which it is a part. Who is signed in may be deleted: then nobody is.
func (h HotDesk) Refs() []Ref { return []Ref{{"desk", KindExtension, h.Desk}} }

// Validate: see Entity.
func (h HotDesk) Validate() error {
	var c check
	extensionNumber(&c, "desk", h.Desk)
	extensionNumber(&c, "person", h.Person)
	c.must(h.Person != h.Desk, "person", "is the extension of the telephone")
	c.must(h.Until.After(h.Since), "until", "must be after since")
	return c.result()
}

// Check: people may sign in there. Who does has proved its PIN.
func (h HotDesk) Check(r Reader, domain string) error {
	e, err := optional[Extension](r, domain, h.Desk)
	if err != nil {
		return err
	}
	if e.HotDesk == nil {
		return &Invalid{Field: "desk", Reason: "is no telephone at which people may sign in"}
	}
	return nil
}

// SignIn lets an extension's person sign in at a telephone: in place of who was there, and no longer elsewhere.
func SignIn(w Writer, domain, desk, person string, now time.Time) error {
	at, _, err := Get[Extension](w, domain, desk)
	if err != nil {
		return err
	}
	if at.HotDesk == nil {
		return &Invalid{Field: "desk", Reason: "is no telephone at which people may sign in"}
	}
	all, err := List[HotDesk](w, domain, "", 0)
	if err != nil {
		return err
	}
	for _, h := range all {
		if h.Person == person && h.Desk != desk {
			if err := Delete[HotDesk](w, domain, h.Desk, ""); err != nil {
				return err
			}
		}
	}
	_, err = Put(w, domain, HotDesk{Desk: desk, Person: person, Since: now, Until: at.HotDesk.ends(now)}, "")
	return err
}
