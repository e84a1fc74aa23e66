package provisioning

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NoticePrefix stands before a notice's name where a recording policy names what is said: "notice/recording" is the notice "recording", and the built-in
// announcement of that name as long as no wording of the notice is in effect.
const NoticePrefix = "notice/"

// NoticeAudio is where the library keeps the audio of wordings. Nothing there changes: an upload under such a name is refused.
const NoticeAudio = "notices/"

// ErrUnheard refuses the approval of a wording that the approver has not listened to.
var ErrUnheard = errors.New("provisioning: it must be heard before it is approved")

// Notice is what people are told before a call is recorded, in every wording that it has: which one they hear is a matter of language and date. A wording
// is made of a text or an upload, heard, approved by another person, and gets its dates then.
type Notice struct {
	Name     string          `json:"name"`
	Versions []NoticeVersion `json:"versions" nullable:"false" doc:"The newest first"`
}

// NoticeVersion is one wording in one language. Its audio never changes.
type NoticeVersion struct {
	Number     int       `json:"number"`
	Language   string    `json:"language"`
	Text       string    `json:"text,omitempty"`
	Voice      string    `json:"voice" doc:"Who speaks: mei (Open JTalk), slt (flite), or upload"`
	Audio      string    `json:"file" doc:"Name of its audio in the library"`
	SHA256     string    `json:"sha256" doc:"Of the audio: 16 kHz, 16 bit, mono, little endian. Other audio is not played in its place"`
	Millis     int64     `json:"millis"`
	By         string    `json:"by" doc:"Who made it"`
	Made       time.Time `json:"made"`
	Heard      []Hearing `json:"heard,omitempty" doc:"Who listened to all of it, the last 16"`
	ApprovedBy string    `json:"approved_by,omitempty" doc:"Absent: a draft, which nobody else hears"`
	Approved   time.Time `json:"approved,omitzero"`
	From       time.Time `json:"from,omitzero" doc:"In effect from then on; absent: not yet in use"`
	Until      time.Time `json:"until,omitzero" doc:"And until then; absent: until a later one is"`
}

// Hearing says who listened to a wording.
type Hearing struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

const (
	maxNoticeName    = 40
	maxWordings      = 40
	maxHearings      = 16
	maxWording       = 1000
	noticeLanguages  = "ja,en"
	scheduleSlowness = time.Minute // between saying "now" and its arrival
)

// Kind, Key, Refs: see Entity.
func (Notice) Kind() string  { return KindNotice }
func (n Notice) Key() string { return n.Name }
func (Notice) Refs() []Ref   { return nil }

func (n Notice) normal() Entity { n.Versions = list(n.Versions); return n }

// Validate: see Entity.
func (n Notice) Validate() error {
	var c check
	c.must(noticeName(n.Name), "name", "must be 1 to 40 small letters, digits and hyphens")
	c.list("versions", len(n.Versions), 1, maxWordings)
	last := 1 << 30
	for i, v := range n.Versions {
		at := "versions[" + strconv.Itoa(i) + "]."
		c.must(v.Number > 0 && v.Number < last, at+"number", "must go down from one to the next")
		last = v.Number
		v.check(&c, at)
	}
	return c.result()
}

func noticeName(s string) bool {
	return s != "" && len(s) <= maxNoticeName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && strings.Trim(s, "-") == s
}

func (v NoticeVersion) check(c *check, at string) {
	c.oneOf(at+"language", v.Language, strings.Split(noticeLanguages, ",")...)
	c.must(len([]rune(v.Text)) <= maxWording, at+"text", "is longer than 1,000 characters")
	c.must(len(v.SHA256) == 64 && strings.Trim(v.SHA256, "0123456789abcdef") == "", at+"sha256", "must be 64 hexadecimal digits")
	c.must(strings.HasPrefix(v.Audio, NoticeAudio) && len(v.Audio) <= 80, at+"file", "must lie under "+NoticeAudio)
	c.must(v.By != "", at+"by", "is missing")
	c.must(v.ApprovedBy == "" || v.ApprovedBy != v.By, at+"approved_by", "must be another person")
	c.must(v.From.IsZero() || v.ApprovedBy != "", at+"from", "is for an approved wording")
	c.must(v.Until.IsZero() || !v.From.IsZero() && !v.Until.Before(v.From), at+"until", "must not be before from")
	c.must(len(v.Heard) <= maxHearings, at+"heard", "has too many entries")
}

// Draft adds a wording that nobody hears yet. Where there are too many the oldest one goes that is no more, or was never, in use; what is in use or
// shall be stays.
func (n Notice) Draft(v NoticeVersion, now time.Time) (next Notice, gone []NoticeVersion, err error) {
	v.Number, v.Made = 1, now.UTC()
	v.ApprovedBy, v.Approved, v.From, v.Until, v.Heard = "", time.Time{}, time.Time{}, time.Time{}, nil
	if len(n.Versions) > 0 {
		v.Number = n.Versions[0].Number + 1
	}
	kept := append([]NoticeVersion{v}, n.Versions...)
	for i := len(kept) - 1; i > 0 && len(kept) > maxWordings; i-- {
		if o := kept[i]; o.From.IsZero() || !o.Until.IsZero() && now.After(o.Until) {
			gone, kept = append(gone, o), slices.Delete(kept, i, i+1)
		}
	}
	if len(kept) > maxWordings {
		return n, nil, &Invalid{Field: "versions", Reason: "there are " + strconv.Itoa(maxWordings) + " in use: end some of them"}
	}
	return Notice{Name: n.Name, Versions: kept}, gone, nil
}

// Version of a number. ErrNotFound.
func (n Notice) Version(number int) (NoticeVersion, error) {
	for _, v := range n.Versions {
		if v.Number == number {
			return v, nil
		}
	}
	return NoticeVersion{}, ErrNotFound
}

// change is the notice with one version changed. ErrNotFound.
func (n Notice) change(number int, do func(*NoticeVersion) error) (Notice, error) {
	out := Notice{Name: n.Name, Versions: slices.Clone(n.Versions)}
	for i := range out.Versions {
		if out.Versions[i].Number == number {
			return out, do(&out.Versions[i])
		}
	}
	return n, ErrNotFound
}

// Hear notes that somebody listened to all of a version. ErrNotFound.
func (n Notice) Hear(number int, by string, now time.Time) (Notice, error) {
	return n.change(number, func(v *NoticeVersion) error {
		if v.heardBy(by) {
			return nil
		}
		v.Heard = append(slices.Clone(v.Heard), Hearing{by, now.UTC()})
		v.Heard = v.Heard[max(0, len(v.Heard)-maxHearings):]
		return nil
	})
}

func (v NoticeVersion) heardBy(who string) bool {
	return slices.ContainsFunc(v.Heard, func(h Hearing) bool { return h.By == who })
}

// Approve lets a version be used. ErrNotFound; *Denied: it is the approver's own; ErrUnheard: the approver has not listened to it.
func (n Notice) Approve(number int, by string, now time.Time) (Notice, error) {
	return n.change(number, func(v *NoticeVersion) error {
		switch {
		case v.By == by:
			return &Denied{Rule: RuleTwoPeople}
		case !v.heardBy(by):
			return ErrUnheard
		case v.ApprovedBy == "":
			v.ApprovedBy, v.Approved = by, now.UTC()
		}
		return nil
	})
}

// ErrUnapproved refuses dates for a draft.
var ErrUnapproved = errors.New("provisioning: it must be approved before it gets its dates")

// Schedule says from when on, and until when, an approved version is heard; a zero from is now, a zero until is until a later one is. What was heard
// is past, and stays as it was. ErrNotFound, ErrUnapproved, *Invalid.
func (n Notice) Schedule(number int, from, until, now time.Time) (Notice, error) {
	return n.change(number, func(v *NoticeVersion) error {
		if v.ApprovedBy == "" {
			return ErrUnapproved
		}
		if from.IsZero() {
			from = now
		}
		begun := !v.From.IsZero() && !v.From.After(now)
		switch {
		case begun && v.ended(now):
			return &Invalid{Field: "from", Reason: "it is over: make a new wording"}
		case begun && (!until.IsZero() && until.Before(now.Add(-scheduleSlowness))):
			return &Invalid{Field: "until", Reason: "must not be past"}
		case begun: // it goes on from when it did
			from = v.From
		case from.Before(now.Add(-scheduleSlowness)):
			return &Invalid{Field: "from", Reason: "must not be past"}
		}
		if !until.IsZero() && until.Before(from) {
			return &Invalid{Field: "until", Reason: "must not be before from"}
		}
		v.From, v.Until = from.UTC(), until.UTC()
		if until.IsZero() {
			v.Until = time.Time{}
		}
		return nil
	})
}

func (v NoticeVersion) ended(now time.Time) bool { return !v.Until.IsZero() && !now.Before(v.Until) }

// inEffect says that a version may be heard now.
func (v NoticeVersion) inEffect(now time.Time) bool {
	return v.ApprovedBy != "" && !v.From.IsZero() && !now.Before(v.From) && !v.ended(now)
}

// InUse says that a version is heard now, or will be.
func (n Notice) InUse(now time.Time) bool {
	return slices.ContainsFunc(n.Versions, func(v NoticeVersion) bool { return v.ApprovedBy != "" && !v.From.IsZero() && !v.ended(now) })
}

// At is the version that is heard in a language now: of those in effect the one that came last, and of two from the same moment the newer one. Where there
// is none in the language, exact is false, and it is one in Japanese, else in any other.
func (n Notice) At(language string, now time.Time) (best NoticeVersion, exact, ok bool) {
	rank := func(v NoticeVersion) int {
		switch v.Language {
		case language:
			return 2
		case "ja":
			return 1
		}
		return 0
	}
	for _, v := range n.Versions { // the newest first
		if !v.inEffect(now) {
			continue
		}
		if !ok || rank(v) > rank(best) || rank(v) == rank(best) && v.From.After(best.From) {
			best, ok = v, true
		}
	}
	return best, ok && best.Language == language, ok
}
