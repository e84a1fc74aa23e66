package provisioning

import (
	"context"
	"slices"
	"strings"
)

// RecordingScope is the part of a domain's recordings that a person may know of: those of numbers and groups, with some labels, or none. Who has no scope
// knows of all that the role lets know of; it counts for listeners, auditors, managers and administrators alike.
type RecordingScope struct {
	User    string   `json:"user"`
	Numbers []string `json:"numbers" doc:"Recorded numbers, as recordings have them"`
	Groups  []string `json:"groups" doc:"Queues and groups"`
	Labels  []string `json:"labels" doc:"Empty: all"`
	Nothing bool     `json:"nothing,omitempty" doc:"No recording at all: then it names no numbers, groups and labels"`
}

// Kind, Key: see Entity.
func (RecordingScope) Kind() string  { return KindRecordingScope }
func (s RecordingScope) Key() string { return s.User }

// Refs of a scope: none. It outlives its user, so that a user who is made anew does not see more than before.
func (RecordingScope) Refs() []Ref { return nil }

func (s RecordingScope) normal() Entity {
	s.Numbers, s.Groups, s.Labels = list(s.Numbers), list(s.Groups), list(s.Labels)
	return s
}

// maxScope bounds a scope: each number and group is a question to the index.
const maxScope = 50

// Validate: see Entity.
func (s RecordingScope) Validate() error {
	var c check
	c.name("user", s.User)
	c.list("numbers", len(s.Numbers), 0, maxScope)
	c.list("groups", len(s.Groups), 0, maxScope)
	c.each("numbers", s.Numbers, func(at, n string) {
		c.must(n != "" && len(n) <= 32 && only(n, digits+"+*#"), at, "must be a number")
	})
	c.each("groups", s.Groups, func(at, n string) { c.must(n != "" && len(n) <= 64, at, "must be 1 to 64 bytes"); c.text(at, n) })
	c.each("labels", s.Labels, func(at, l string) { c.oneOf(at, l, labelNames()...) })
	c.must(s.Nothing || len(s.Numbers)+len(s.Groups) > 0, "numbers", "must name some, or groups")
	c.must(!s.Nothing || len(s.Numbers)+len(s.Groups)+len(s.Labels) == 0, "nothing", "names no numbers, groups and labels")
	return c.result()
}

// weakened says how the next scope has more. The zero scope is none, which has all.
func (s RecordingScope) weakened(next RecordingScope) (out []Weakening) {
	switch {
	case s.none() || next.Nothing:
		return nil
	case s.Nothing:
		return Loosening("nothing", "true", "false")
	}
	list := func(field string, all bool, before, after []string) {
		if all || beyond(after, before) {
			out = append(out, Loosening(field, strings.Join(before, ", "), orAll(after))...)
		}
	}
	list("numbers", next.none(), s.Numbers, next.Numbers)
	list("groups", next.none(), s.Groups, next.Groups)
	if len(s.Labels) > 0 {
		list("labels", len(next.Labels) == 0, s.Labels, next.Labels)
	}
	return out
}

func (s RecordingScope) none() bool { return !s.Nothing && len(s.Numbers)+len(s.Groups) == 0 }

// beyond says that a list has what another one has not.
func beyond[T comparable](list, other []T) bool {
	return slices.ContainsFunc(list, func(e T) bool { return !slices.Contains(other, e) })
}

func orAll(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ", ")
}

// RecordingNote is what somebody wrote about a recording.
type RecordingNote struct {
	ID      int64  `json:"id"`
	Written string `json:"written" format:"date-time"`
	Author  string `json:"author"`
	Text    string `json:"text"`
}

// RecordingRemarks are the notes and cases of a recording.
type RecordingRemarks struct {
	Notes []RecordingNote `json:"notes" nullable:"false"`
	Cases []string        `json:"cases" nullable:"false"`
}

// Remarks is what people write about recordings. All of it is about recordings that the Subject may know of, for others it is ErrNotFound. ErrInUse: a
// recording has as many as it may have.
type Remarks interface {
	Remarks(ctx context.Context, s Subject, domain, recording string) (RecordingRemarks, error)
	AddNote(ctx context.Context, s Subject, domain, recording, text string) (RecordingNote, error)
	DropNote(ctx context.Context, s Subject, domain, recording string, note int64) error
	SetCase(ctx context.Context, s Subject, domain, recording, name string) error
	DropCase(ctx context.Context, s Subject, domain, recording, name string) error
}
