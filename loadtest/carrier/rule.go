package carrier

import (
	"fmt"
	"slices"
)

// Rule is one thing that a peer insists on.
type Rule struct {
	Name   string
	Status int    // what the real peer answers; 0: nothing at all. A response that breaks it cannot be answered: it is kept.
	Why    string // what the real peer says or does, and where that is written
	On     func(*Seen) bool
	Check  func(*Seen) string // what is wrong; "": nothing
	Fields []Field            // on the refusal
}

// Seen is a message with what the peer knows about it.
type Seen struct {
	*Message
	UA    *UA
	Call  *Call    // nil: belongs to none
	Asked *Message // of a response, an ACK or a CANCEL: the request that it belongs to
}

// Refusal is one message refused by one rule.
type Refusal struct {
	Peer, Rule string
	Status     int
	Why        string
	What       string
	Message    string // the message that broke it
}

// String tells it in a test's failure.
func (r Refusal) String() string {
	did := fmt.Sprintf("would answer %d", r.Status)
	if r.Status == 0 {
		did = "would not go on"
	}
	return fmt.Sprintf("%s %s: %s: %s (%s)\n%s", r.Peer, did, r.Rule, r.What, r.Why, r.Message)
}

// judge gives every rule that a message breaks, in the order of the profile.
func (u *UA) judge(s *Seen) (out []Refusal, first *Rule) {
	for i := range u.rules {
		r := &u.rules[i]
		if !r.On(s) {
			continue
		}
		if what := r.Check(s); what != "" {
			if first == nil {
				first = r
			}
			out = append(out, Refusal{Peer: u.profile.Name, Rule: r.Name, Status: r.Status, Why: r.Why, What: what, Message: string(s.Raw)})
		}
	}
	return out, first
}

// The selectors of rules.

func anything(*Seen) bool { return true }

func request(methods ...string) func(*Seen) bool {
	return func(s *Seen) bool { return s.Status == 0 && (len(methods) == 0 || slices.Contains(methods, s.Method)) }
}

// outside are requests that begin something.
func outside(methods ...string) func(*Seen) bool {
	return func(s *Seen) bool {
		return s.Status == 0 && s.tag("to") == "" && s.Method != "CANCEL" && s.Method != "ACK" && (len(methods) == 0 || slices.Contains(methods, s.Method))
	}
}

// inside are requests within a dialog; an ACK is one when it ends a 2xx.
func inside(methods ...string) func(*Seen) bool {
	return func(s *Seen) bool {
		return s.Status == 0 && s.tag("to") != "" && (len(methods) == 0 || slices.Contains(methods, s.Method))
	}
}

func response(s *Seen) bool { return s.Status != 0 }

// success are 2xx to one of the methods.
func success(methods ...string) func(*Seen) bool {
	return func(s *Seen) bool { return s.Status/100 == 2 && slices.Contains(methods, s.Method) }
}

func either(fs ...func(*Seen) bool) func(*Seen) bool {
	return func(s *Seen) bool { return slices.ContainsFunc(fs, func(f func(*Seen) bool) bool { return f(s) }) }
}

// described are messages with a session description that can be read.
func described(s *Seen) bool { return s.sdp() != nil }

// complain is a text when the condition holds.
func complain(when bool, format string, args ...any) string {
	if !when {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
