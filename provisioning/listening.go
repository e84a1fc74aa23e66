package provisioning

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a listening request.
const (
	// MaxListening is the longest that one is valid for.
	MaxListening = 31 * 24 * time.Hour
	// MaxPending is how long one may wait for an answer.
	MaxPending      = 31 * 24 * time.Hour
	maxListened     = 100 // recordings that one names
	maxListens      = 100 // each stands in the request with its time, and all of it in the audit entry of the next one
	maxReason       = 500
	listeningKeyEnd = 1<<44 - 1 // ms; keys count down from it, so that the newest of a person comes first
)

// PlayLasts is how long the requests of a player for one recording are one play: it asks for ranges, goes back and forth, and is interrupted.
const PlayLasts = time.Hour

// States of a listening request.
const (
	ListeningPending   = "pending"
	ListeningGranted   = "granted"
	ListeningRefused   = "refused"
	ListeningWithdrawn = "withdrawn" // by who asked, or by a manager
)

// Opening is the beginning of a play.
type Opening struct {
	Recording string    `json:"recording"`
	At        time.Time `json:"at"`
}

// RecordingFilter says of which recordings somebody speaks who names none. Empty fields do not matter.
type RecordingFilter struct {
	Number string    `json:"number,omitempty" doc:"The recorded number"`
	Party  string    `json:"party,omitempty" doc:"Number of anyone who took part"`
	Group  string    `json:"group,omitempty"`
	Label  string    `json:"label,omitempty"`
	Case   string    `json:"case,omitempty"`
	From   time.Time `json:"from,omitzero" doc:"Of the start"`
	To     time.Time `json:"to,omitzero"`
}

// Empty says that it leaves nothing out.
func (f RecordingFilter) Empty() bool { return f == RecordingFilter{} }

// Heard is a recording as a listening request is judged by.
type Heard struct {
	Recording, Number, Label string
	Groups, Parties          []string
	Cases                    []HeardCase
	Started                  time.Time
}

// HeardCase is a case that a recording belongs to: which user said so (empty: somebody of elsewhere), and when.
type HeardCase struct {
	Name, By string
	At       time.Time
}

// Review is what somebody else found about a listening that nobody had approved (事後確認).
type Review struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// ListeningRequest is somebody's wish to hear recordings (聴取申請): which, for what purpose, until when and how often. Nothing is heard without one.
type ListeningRequest struct {
	ID         string           `json:"id"`
	By         string           `json:"by" doc:"User who asks, and alone may listen"`
	Person     string           `json:"person,omitempty" doc:"Who of that name: nobody who was made after they were deleted may"`
	Purpose    string           `json:"purpose" doc:"Of the domain's list of purposes"`
	Reason     string           `json:"reason"`
	Recordings []string         `json:"recordings" doc:"Which; empty: those of the filter"`
	Filter     *RecordingFilter `json:"filter,omitempty"`
	Until      time.Time        `json:"until"`
	Plays      int              `json:"plays" doc:"How often at most: a recording within an hour is one"`
	Download   bool             `json:"download,omitempty" doc:"As a file, where its label allows that, or as an evidence pack"`

	State      string    `json:"state" doc:"pending, granted, refused, withdrawn"`
	Asked      time.Time `json:"asked"`
	BreakGlass bool      `json:"break_glass,omitempty" doc:"Heard without an approval; somebody else must review it"`
	Decided    time.Time `json:"decided,omitzero"`
	DecidedBy  string    `json:"decided_by,omitempty"`
	Remark     string    `json:"remark,omitempty"`
	Opened     []Opening `json:"opened"`
	Review     *Review   `json:"review,omitempty"`
}

// Kind, Key: see Entity.
func (ListeningRequest) Kind() string  { return KindListening }
func (q ListeningRequest) Key() string { return q.ID }

// Refs: a request outlives who made it.
func (ListeningRequest) Refs() []Ref { return nil }

func (q ListeningRequest) normal() Entity {
	q.Recordings, q.Opened = list(q.Recordings), list(q.Opened)
	return q
}

// Validate: see Entity.
func (q ListeningRequest) Validate() error {
	var c check
	c.must(q.ID != "" && len(q.ID) <= 128, "id", "must be 1 to 128 bytes")
	c.name("by", q.By)
	c.name("purpose", q.Purpose)
	c.must(strings.TrimSpace(q.Reason) != "", "reason", "is missing")
	c.longText("reason", q.Reason)
	c.longText("remark", q.Remark)
	c.list("recordings", len(q.Recordings), 0, maxListened)
	c.each("recordings", q.Recordings, func(at, id string) { c.must(id != "" && len(id) <= 128, at, "must be 1 to 128 bytes") })
	named := len(q.Recordings) > 0
	c.must(named || q.Filter != nil && !q.Filter.Empty(), "recordings", "must name some, or filter must say which")
	c.must(!named || q.Filter == nil, "filter", "must be absent where recordings are named")
	if f := q.Filter; f != nil {
		for field, s := range map[string]string{"filter.number": f.Number, "filter.party": f.Party, "filter.group": f.Group, "filter.case": f.Case} {
			c.text(field, s)
		}
		c.oneOf("filter.label", f.Label, append([]string{""}, labelNames()...)...)
	}
	c.between("plays", q.Plays, 1, maxListens)
	c.must(q.Until.After(q.Asked), "until", "must be after it was asked for")
	c.must(!q.Until.After(q.Asked.Add(MaxListening)), "until", "is too late")
	c.oneOf("state", q.State, ListeningPending, ListeningGranted, ListeningRefused, ListeningWithdrawn)
	return c.result()
}

// longText is text of more than a line.
func (c *check) longText(field, s string) {
	c.must(len([]rune(s)) <= maxReason, field, "is longer than "+strconv.Itoa(maxReason)+" characters")
	c.must(!strings.ContainsRune(s, 0), field, "holds a control character")
}

// ListeningID is the key of a request that is made now. Those of one person stand together, the newest first.
func ListeningID(user string, now time.Time, random string) string {
	return listeningKey(user, now) + random
}

// ListeningKeys: those of a person's requests are behind first and before last.
func ListeningKeys(user string) (first, last string) { return user + ".", user + "/" }

// listeningKey is before every key of a person's requests of that time.
func listeningKey(user string, at time.Time) string {
	return fmt.Sprintf("%s.%011x.", user, listeningKeyEnd-at.UnixMilli())
}

// ListeningOf are the requests of a person that may still count, the newest first. Among their keys may stand those of others, since "a.b" is a name as
// "a" is: what lies outside of the times is not even looked at.
func ListeningOf(r Reader, domain, user string, now time.Time) ([]ListeningRequest, error) {
	const step = 50
	var out []ListeningRequest
	person, err := PersonOf(r, domain, user)
	if err != nil {
		return nil, err
	}
	after, end := listeningKey(user, now.Add(MaxListening)), listeningKey(user, now.Add(-MaxListening-time.Millisecond))
	for {
		some, err := List[ListeningRequest](r, domain, after, step)
		if err != nil {
			return nil, err
		}
		for _, q := range some {
			if after = q.ID; after >= end {
				return out, nil
			}
			if q.By == user && q.Person == person {
				out = append(out, q)
			}
		}
		if len(some) < step {
			return out, nil
		}
	}
}

// Decide is what a request becomes where somebody grants or refuses it. ErrNotFound: nothing waits. *Denied: it is their own.
func (q ListeningRequest) Decide(domain, by string, grant bool, remark string, now time.Time) (ListeningRequest, error) {
	switch {
	case by == q.By+"@"+domain:
		return q, &Denied{Rule: RuleTwoPeople}
	case q.State != ListeningPending || !now.Before(q.Until) || now.Sub(q.Asked) > MaxPending:
		return q, ErrNotFound
	}
	q.State = ListeningRefused
	if grant {
		q.State = ListeningGranted
	}
	q.Decided, q.DecidedBy, q.Remark = now.UTC(), by, remark
	return q, nil
}

// Withdraw ends a request; ErrNotFound: it has ended.
func (q ListeningRequest) Withdraw(by string, now time.Time) (ListeningRequest, error) {
	if q.State != ListeningPending && q.State != ListeningGranted {
		return q, ErrNotFound
	}
	q.State, q.Decided, q.DecidedBy = ListeningWithdrawn, now.UTC(), by
	return q, nil
}

// Close is what a listening in need becomes where somebody has reviewed it. ErrNotFound: nothing is to be reviewed. *Denied: it is their own.
func (q ListeningRequest) Close(domain, by, text string, now time.Time) (ListeningRequest, error) {
	switch {
	case by == q.By+"@"+domain:
		return q, &Denied{Rule: RuleTwoPeople}
	case !q.Unreviewed():
		return q, ErrNotFound
	}
	q.Review = &Review{By: by, At: now.UTC(), Text: text}
	return q, nil
}

// Stands says that somebody hears under it or may come to.
func (q ListeningRequest) Stands(now time.Time) bool {
	return (q.State == ListeningPending || q.State == ListeningGranted) && now.Before(q.Until)
}

// Unreviewed says that somebody listened without an approval and nobody else has looked at it yet.
func (q ListeningRequest) Unreviewed() bool { return q.BreakGlass && q.Review == nil }

// Why a request does not let somebody listen.
const (
	NoListening     = "no-approval"
	ListeningUsedUp = "used-up"
)

// HeardAs is how somebody hears a recording.
type HeardAs string

// The ways.
const (
	HeardAsStream HeardAs = "stream"
	HeardAsFile   HeardAs = "file"
	HeardAsPack   HeardAs = "pack" // of evidence, for somebody outside: each one is approved, whatever the label is
)

// Lets says whether the request lets who made it hear a recording now; same compares two numbers. A purpose alone is enough where the rules say so of
// the label, and never to take anything away; neither is need.
func (q ListeningRequest) Lets(rules ListeningRules, x Heard, as HeardAs, now time.Time, same func(a, b string) bool) bool {
	switch {
	case !now.Before(q.Until), !q.speaksOf(x, same):
		return false
	case as != HeardAsStream:
		return q.Download && !q.BreakGlass && q.State == ListeningGranted && (as == HeardAsPack || slices.Contains(rules.Download, x.Label))
	}
	return q.State == ListeningGranted || q.State == ListeningPending && slices.Contains(rules.PurposeOnly, x.Label)
}

func (q ListeningRequest) speaksOf(x Heard, same func(a, b string) bool) bool {
	if q.Filter == nil {
		return slices.Contains(q.Recordings, x.Recording)
	}
	f := q.Filter
	switch {
	case f.Number != "" && !same(f.Number, x.Number),
		f.Party != "" && !slices.ContainsFunc(x.Parties, func(n string) bool { return same(f.Party, n) }),
		f.Group != "" && !slices.Contains(x.Groups, f.Group),
		f.Label != "" && f.Label != x.Label,
		f.Case != "" && !slices.ContainsFunc(x.Cases, q.counts),
		!f.From.IsZero() && x.Started.Before(f.From),
		!f.To.IsZero() && !x.Started.Before(f.To):
		return false
	}
	return true
}

// counts says that a recording's case is the filter's, and was when somebody decided about it: what the filter speaks of grows no more, and least of all
// by a case that who asks has given a recording.
func (q ListeningRequest) counts(c HeardCase) bool {
	settled := q.Decided
	if settled.IsZero() { // nobody else decides: heard in need, or for a purpose alone
		settled = q.Asked
	}
	return c.Name == q.Filter.Case && c.By != q.By && c.At.Before(settled)
}

// Open counts a play of a recording: since when it goes on, and what the request becomes. False: it was used as often as it may be.
func (q ListeningRequest) Open(recording string, now time.Time) (next ListeningRequest, began time.Time, ok bool) {
	for _, o := range q.Opened {
		if o.Recording == recording && now.Before(o.At.Add(PlayLasts)) {
			return q, o.At, true
		}
	}
	if len(q.Opened) >= q.Plays {
		return q, time.Time{}, false
	}
	o := Opening{Recording: recording, At: now.UTC().Truncate(time.Second)}
	q.Opened = append(slices.Clone(q.Opened), o)
	return q, o.At, true
}
