package provisioning

import "bytes"

// RecordMode says when a number is recorded.
type RecordMode string

// The modes. The empty one is that of a policy that says nothing about recording: it records nothing, and forbids nothing.
const (
	RecordAlways   RecordMode = "always"
	RecordOnDemand RecordMode = "on_demand" // when somebody who may asks for it
	RecordNever    RecordMode = "never"     // whoever asks, and whatever another policy says
)

// RuleNeverRecorded refuses a recording of a call in which a number takes part that is never recorded.
const RuleNeverRecorded = "never-recorded"

// Records says that calls are recorded under the mode, or may be.
func (m RecordMode) Records() bool { return m == RecordAlways || m == RecordOnDemand }

// Label is how confidential a recording is (機密度).
type Label string

// The labels, the highest first: 機密性3, 機密性2 and 機密性1 of the guideline for local governments. The empty one is the highest: nothing is without.
const (
	LabelRestricted Label = "restricted" // 機密性3
	LabelInternal   Label = "internal"   // 機密性2
	LabelPublic     Label = "public"     // 機密性1
)

// Labels are all of them, the highest first.
func Labels() []Label { return []Label{LabelRestricted, LabelInternal, LabelPublic} }

// Or is the label, where the empty one is the highest.
func (l Label) Or() Label {
	if l == "" {
		return LabelRestricted
	}
	return l
}

// Below says that a label protects less than another.
func (l Label) Below(o Label) bool { return l.rank() < o.rank() }

// Higher of two labels.
func (l Label) Higher(o Label) Label {
	if l.Below(o) {
		return o.Or()
	}
	return l.Or()
}

// rank: what is not known is as confidential as can be.
func (l Label) rank() int {
	switch l {
	case LabelPublic:
		return 1
	case LabelInternal:
		return 2
	}
	return 3
}

// modeOfBefore reads a stored policy whose mode was a bool. In JSON nothing else looks like that: within a text each quote has a backslash before it.
func modeOfBefore(body []byte) []byte {
	body = bytes.Replace(body, []byte(`"record":true`), []byte(`"record":"always"`), 1)
	return bytes.Replace(body, []byte(`"record":false`), []byte(`"record":""`), 1)
}
