package provisioning

import "time"

// NoticeException lets calls be recorded of which nobody is told, for a reason and until a day. Another person agrees to it.
type NoticeException struct {
	Reason string    `json:"reason" minLength:"1" maxLength:"500"`
	Until  time.Time `json:"until" doc:"From then on people are told again. At most a year and a day away when it is asked for"`
}

// maxException is how far away the end of an exception may be: once a year somebody looks at it again.
const maxException = 366 * 24 * time.Hour

const silentNotice = "none"

// Silent says that somebody is not told under the policy: who calls, or whom we call outside.
func (p RecordingPolicy) Silent() bool {
	return p.Notice == silentNotice || p.NoticeOutbound == silentNotice
}

// At is the policy as it counts at a moment. Without an exception, or when it is over, people are told: also under policies that are older than exceptions.
func (p RecordingPolicy) At(now time.Time) RecordingPolicy {
	if p.Silent() && (p.Exception == nil || !now.Before(p.Exception.Until)) {
		return p.telling()
	}
	return p
}

// telling is the policy with a notice for everybody.
func (p RecordingPolicy) telling() RecordingPolicy {
	if p.Notice == silentNotice {
		p.Notice = ""
	}
	if p.NoticeOutbound == silentNotice {
		p.NoticeOutbound = ""
	}
	p.Exception = nil
	return p
}

// checkException demands of who wants nobody to be told a reason and a day.
func (p RecordingPolicy) checkException(c *check) {
	e := p.Exception
	c.must(e != nil || !p.Silent() || !p.Record.Records(), "exception", "must say why nobody is told, and until when")
	if e != nil {
		c.must(e.Reason != "" && len(e.Reason) <= 2000, "exception.reason", "must have 1 to 500 characters")
		c.must(!e.Until.IsZero(), "exception.until", "is missing")
	}
}

// lasting refuses an exception that is asked for now and ends too late, or has ended.
func (p RecordingPolicy) lasting(old *NoticeException, now time.Time) error {
	e := p.Exception
	if e == nil || old != nil && *old == *e {
		return nil
	}
	if until := e.Until.Sub(now); until <= 0 || until > maxException {
		return &Invalid{Field: "exception.until", Reason: "must be at most a year and a day away"}
	}
	return nil
}

// extends says that an exception lasts longer than another one, or has another reason.
func (e *NoticeException) extends(old *NoticeException) bool {
	return e != nil && (old == nil || e.Until.After(old.Until) || e.Reason != old.Reason)
}

func (e *NoticeException) String() string {
	if e == nil {
		return ""
	}
	return e.Reason + ", until " + e.Until.UTC().Format(time.RFC3339)
}
