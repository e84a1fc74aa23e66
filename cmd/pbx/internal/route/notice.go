package route

import (
	"cmp"
	"time"

	"naisen/provisioning"
)

const refusalWait = 3 * time.Second // where the policy does not say how long a key still counts

// told is a policy's recording with how it is announced. Before an answer most carriers pass no keys on: where one may refuse, the notice
// waits for it, since a key that is not heard is no choice.
func (r Record) told(pol provisioning.RecordingPolicy) Record {
	r.Notice, r.Outbound = cmp.Or(Notice(pol.Notice), NoticeEarly), Notice(pol.NoticeOutbound)
	if r.Prompt, r.Calling = pol.Words(); r.Calling == r.Prompt {
		r.Calling = ""
	}
	if o := pol.Refusal; o != nil {
		r.Refusal = Refusal{Key: rune(o.Key[0]), Ends: o.Then == provisioning.RefusalEnds, Wait: cmp.Or(time.Duration(o.WaitSeconds)*time.Second, refusalWait)}
		if r.Notice == NoticeEarly {
			r.Notice = NoticeAnswer
		}
	}
	return r
}

// Demanded says that somebody must hear a notice before anything is recorded.
func (n Notice) Demanded() bool { return n != "" && n != NoticeNone }

// Called is how whom we call outside is told.
func (r Record) Called() Notice { return cmp.Or(r.Outbound, r.Notice) }

// Announced says that somebody is told: who calls, or whom we call.
func (r Record) Announced() bool { return r.Notice.Demanded() || r.Called().Demanded() }

// Wording is the prompt of the notice for whom we call, or for anybody else.
func (r Record) Wording(called bool) string {
	if called {
		return cmp.Or(r.Calling, r.Prompt)
	}
	return r.Prompt
}

// announced is how a call is told that is recorded as r and next: each side hears what was demanded of it first. Only where both may be refused there
// is a key, and no notice speaks of a key that there is not. Where either ends the call for it, the call ends.
func (r Record) announced(next Record) Record {
	in, out := r, r
	if !r.Notice.Demanded() && next.Notice.Demanded() {
		in = next
	}
	if !r.Called().Demanded() && next.Called().Demanded() {
		out = next
	}
	both := r.Refusal.Key != 0 && next.Refusal.Key != 0
	if both { // who refuses does so towards both
		in.Refusal.Ends = r.Refusal.Ends || next.Refusal.Ends
	} else {
		in, out = in.firm(r, next), out.firm(r, next)
	}
	outbound, calling := out.Called(), out.Wording(true)
	r.Notice, r.Prompt, r.Language, r.Refusal = in.Notice, in.Prompt, in.Language, in.Refusal
	if !in.Notice.Demanded() {
		r.Language = out.Language
	}
	r.Outbound, r.Calling = "", ""
	if outbound != r.Notice {
		r.Outbound = outbound
	}
	if calling != r.Prompt {
		r.Calling = calling
	}
	return r
}

// firm is a notice without the choice to refuse: of the two, the one that never spoke of it.
func (r Record) firm(a, b Record) Record {
	if r.Refusal.Key == 0 {
		return r
	}
	other := a
	if a.Refusal.Key != 0 {
		other = b
	}
	r.Refusal, r.Calling, r.Prompt = Refusal{}, "", provisioning.StandardNotice
	if other.Announced() {
		r.Prompt, r.Calling = other.Prompt, other.Calling
	}
	return r
}
