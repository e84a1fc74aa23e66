package provisioning

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// StandardNotice is what people are told where a policy says nothing else.
const StandardNotice = NoticePrefix + "recording"

// ErrLastWording refuses to end what a policy tells people before something else is there in its place: from then on nobody would be recorded.
var ErrLastWording = errors.New("provisioning: recording policies tell people so")

// BuiltinNotices are the built-in announcements that tell people of a recording, by the names of notices.
var BuiltinNotices = []string{"recording", "recording-short", "recording-harassment", "recording-outbound", "recording-choice"}

// otherAnnouncements stand beside them in the library, and tell nobody that a recording is made.
var otherAnnouncements = []string{"recording-paused", "recording-resumed", "refused", "refused-end"}

// TellsRecording says that a prompt is a recording notice: "notice/NAME". Anything else might be silence, or speak of something else.
func TellsRecording(prompt string) bool {
	name, ok := strings.CutPrefix(prompt, NoticePrefix)
	return ok && noticeName(name) && !slices.Contains(otherAnnouncements, name)
}

func (c *check) recordingNotice(field, prompt string) {
	c.must(prompt == "" || TellsRecording(prompt), field, "must be a recording notice such as notice/recording")
}

// Words are the prompts that who calls is told, and whom we call outside. What is no recording notice, in a policy that is older than this rule, is
// played to nobody.
func (p RecordingPolicy) Words() (calling, called string) {
	calling = notice(p.Prompt, StandardNotice)
	return calling, notice(p.PromptOutbound, calling)
}

func notice(prompt, other string) string {
	if !TellsRecording(prompt) {
		return other
	}
	return prompt
}

// until is when what a notice says now ends with nothing in its place; the zero time: never. It is now where nothing is in effect.
func (n Notice) until(now time.Time) time.Time {
	for at := now; ; {
		next := at
		for _, v := range n.Versions {
			switch {
			case !v.inEffect(at):
			case v.Until.IsZero():
				return time.Time{}
			case v.Until.After(next):
				next = v.Until
			}
		}
		if next.Equal(at) {
			return at
		}
		at = next
	}
}

// heard says that people hear a recording notice, and go on hearing one: it is built in, or words that two people stand for are in effect without an end.
func heard(r Reader, domain, prompt string, now time.Time) (bool, error) {
	name := strings.TrimPrefix(prompt, NoticePrefix)
	if slices.Contains(BuiltinNotices, name) {
		return true, nil
	}
	n, err := optional[Notice](r, domain, name)
	return n.until(now).IsZero(), err
}

// unheard is what is loosened where people would be told in words that nobody hears: then nobody is recorded.
func unheard(r Reader, domain string, now time.Time, p, next RecordingPolicy) (out []Weakening, err error) {
	was, wasCalled := p.Words()
	will, willCalled := next.Words()
	for _, c := range []struct{ field, from, to, says, said string }{{"prompt", was, will, next.Prompt, p.Prompt}, {"prompt_outbound", wasCalled, willCalled, next.PromptOutbound, p.PromptOutbound}} {
		if c.from == c.to || c.says == c.said { // by the other field
			continue
		}
		ok, err := heard(r, domain, c.to, now)
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, Weakening{c.field, c.field + ": " + quoted(c.from) + " to " + quoted(c.to), onePerson, ""})
		}
	}
	return out, nil
}

// KeepWords is asked within the Update that has changed a notice, with the notice as it was: ErrLastWording when what policies tell people would
// end sooner than it did, with nothing in its place.
func KeepWords(r Reader, domain string, was, is Notice, now time.Time) error {
	before, after := was.until(now), is.until(now)
	if after.IsZero() || !before.IsZero() && !after.Before(before) {
		return nil
	}
	return KeepPrompt(r, domain, NoticePrefix+is.Name)
}

// KeepPrompt is ErrLastWording where policies tell people by a prompt that is not built in.
func KeepPrompt(r Reader, domain, prompt string) error {
	if slices.Contains(BuiltinNotices, strings.TrimPrefix(prompt, NoticePrefix)) {
		return nil
	}
	all, err := List[RecordingPolicy](r, domain, "", 0)
	used := slices.ContainsFunc(all, func(p RecordingPolicy) bool {
		calling, called := p.Words()
		return calling == prompt || called == prompt
	})
	if err == nil && used {
		err = ErrLastWording
	}
	return err
}
