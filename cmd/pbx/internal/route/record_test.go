package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// TestStrictest: of two policies the call has what either demands, and stays the case of the number that was first.
func TestStrictest(t *testing.T) {
	const high, low = provisioning.LabelRestricted, provisioning.LabelInternal
	off := Record{Notice: NoticeNone, Media: "srtp-required", DSCP: 40}
	silent := Record{On: true, Number: "2001", Policy: "silent", Notice: NoticeNone, Retention: 30, Label: low}
	strict := Record{On: true, Number: "+81", Policy: "strict", Notice: NoticeEarly, Prompt: "p", Language: "ja", Refuse: true, Retention: 365, Label: high, Media: "srtp-required"}
	hand := Record{On: true, ByHand: true, Number: "2002", Policy: "on-demand", Notice: NoticeNone}
	asked := Record{OnDemand: true, PreBuffer: true, Number: "2003", Policy: "asked", Notice: NoticeAnswer, Retention: 7, Label: low}
	public := Record{OnDemand: true, Number: "2004", Policy: "public", Notice: NoticeNone, Retention: 9, Label: provisioning.LabelPublic}
	never := Record{Never: "+82", Notice: NoticeNone, Media: "srtp-required"}
	with := func(r Record, f func(*Record)) Record { f(&r); return r }
	for _, c := range []struct {
		name             string
		first, then, get Record
	}{
		{"neither", off, Record{}, off},
		{"the first alone", silent, off, with(silent, func(r *Record) { r.Media, r.DSCP = "srtp-required", 40 })},
		{"marked by the second", off, with(silent, func(r *Record) { r.DSCP = 36 }), with(silent, func(r *Record) { r.Media, r.DSCP = "srtp-required", 36 })},
		{"marked by the second alone", Record{Notice: NoticeNone}, Record{DSCP: 44}, Record{Notice: NoticeNone, DSCP: 44}},
		{"both recorded, the second marked", silent, with(silent, func(r *Record) { r.DSCP = 36 }), with(silent, func(r *Record) { r.DSCP = 36 })},
		{"the second alone", off, silent, with(silent, func(r *Record) { r.Media, r.DSCP = "srtp-required", 40 })},
		{"both", silent, strict, Record{On: true, Number: "2001", Policy: "silent", Notice: NoticeEarly, Prompt: "p", Language: "ja", Refuse: true, Retention: 365, Label: high, Media: "srtp-required"}},
		{"the other way round", strict, silent, strict},
		{"by hand, then demanded", hand, silent, Record{On: true, Number: "2001", Policy: "silent", Notice: NoticeNone, Label: high}},
		{"demanded, then by hand", silent, hand, Record{On: true, Number: "2001", Policy: "silent", Notice: NoticeNone, Label: high}},
		{"by hand, twice", hand, Record{On: true, ByHand: true, Number: "2003", Notice: NoticeNone}, hand},
		{"for ever is longest", strict, Record{On: true}, with(strict, func(r *Record) { r.Retention = 0 })},
		{"on demand, then always", asked, silent, with(silent, func(r *Record) { r.OnDemand, r.PreBuffer = true, true })},
		{"always, then on demand", silent, asked, with(silent, func(r *Record) { r.OnDemand, r.PreBuffer = true, true })},
		{"pauses of two lengths", with(silent, func(r *Record) { r.PauseMost = time.Minute }), with(silent, func(r *Record) { r.PauseMost = time.Hour }), with(silent, func(r *Record) { r.PauseMost = time.Minute })},
		{"a pause that is longer than usual", silent, with(silent, func(r *Record) { r.PauseMost = time.Hour }), with(silent, func(r *Record) { r.PauseMost = UsualPause })},
		{"on demand twice", public, asked, Record{OnDemand: true, PreBuffer: true, Number: "2004", Policy: "public", Notice: NoticeAnswer, Retention: 9, Label: low}},
		{"never, then always", never, silent, with(silent, func(r *Record) { r.Never, r.Media = "+82", "srtp-required" })},
		{"always, then never", silent, never, with(silent, func(r *Record) { r.Never, r.Media = "+82", "srtp-required" })},
		{"never twice is the first's", never, Record{Never: "2009"}, never},
	} {
		if got := c.first.And(c.then); got != c.get {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.get)
		}
	}
}

// TestWhoseRecording: which number's policy holds for what is dialled, and for what somebody is sent to. 2001's own calls are recorded.
func TestWhoseRecording(t *testing.T) {
	d := town()
	d.queues = map[string]provisioning.Queue{"d|7001": {Number: "7001", Policy: "citizens"}, "d|7002": {Number: "7002"}}
	d.dids["d|+81312340098"] = provisioning.DID{Number: "+81312340098", Queue: "7001", Policy: "unsaid"}
	d.mailboxes = map[string]provisioning.Mailbox{"d|7100": {Number: "7100"}}
	for _, c := range []struct {
		name string
		req  Request
		want string // number and notice
	}{
		{"a colleague", Request{Dialled: "2002"}, "2001 none"},
		{"somebody is sent to a colleague", Request{Dialled: "2002", Away: true}, ""},
		{"outside", Request{Dialled: "0312345600"}, "2001 none"},
		{"somebody is sent outside", Request{Dialled: "0312345600", Away: true}, ""},
		{"a recorded queue", Request{Dialled: "7001"}, "2001 early-media"},
		{"somebody is sent to a recorded queue", Request{Dialled: "7001", Away: true}, "7001 early-media"},
		{"a queue that is not recorded", Request{Dialled: "7002"}, "2001 none"},
		{"a recorded room", Request{Dialled: "8000"}, "2001 none"},
		{"somebody is sent to a recorded room", Request{Dialled: "8000", Away: true}, "8000 none"},
		{"a recorded number of our own", Request{Dialled: "0312345678", E164: "+81312345678"}, "+81312345678 early-media"},
		{"another number of our own", Request{Dialled: "0312345670", E164: "+81312345670"}, "2001 none"},
		{"the same, hidden", Request{Dialled: "1840312345670"}, "2001 none"},
		{"somebody is sent to another number of our own", Request{Dialled: "0312345670", E164: "+81312345670", Away: true}, ""},
		{"a mailbox", Request{Dialled: "7100"}, "2001 none"},
		{"help", Request{Dialled: "119"}, ""},
		{"a number whose policy says nothing, and whose queue is recorded", Request{Trunk: "carrier", Dialled: "+81312340098"}, "7001 early-media"},
	} {
		if c.req.Domain = "d"; c.req.Trunk == "" {
			c.req.Extension, c.req.Number = "2001", "2001"
		}
		got := ""
		p := Route(d, c.req, time.Time{})
		if p.Record.On {
			got = p.Record.Number + " " + string(p.Record.Notice)
		}
		if p.Refuse.Status != 0 || got != c.want {
			t.Errorf("%s: %q, want %q (%d, %s)", c.name, got, c.want, p.Refuse.Status, p.Why)
		}
	}
}

// TestOutsideStays: a copy for a recorder outside is made whichever policy's case the recording is.
func TestOutsideStays(t *testing.T) {
	d := town()
	d.policies["d|copied"] = provisioning.RecordingPolicy{Name: "copied", Record: provisioning.RecordAlways, Outside: []string{"recorder"}}
	d.policies["d|plain"] = provisioning.RecordingPolicy{Name: "plain", Record: provisioning.RecordAlways}
	d.policies["d|asked"] = provisioning.RecordingPolicy{Name: "asked", Record: provisioning.RecordOnDemand}
	copied := record(d, "d", "copied", "+81", "ja")
	for _, other := range []string{"plain", "asked", "", "copied"} {
		o := record(d, "d", other, "2001", "ja")
		if a, b := copied.And(o).Outside, o.And(copied).Outside; a != "copied" || b != "copied" {
			t.Errorf("beside %q: %q, %q", other, a, b)
		}
	}
	if r := record(d, "d", "plain", "2001", "ja"); r.Outside != "" {
		t.Errorf("%+v", r)
	}
}

// TestForwardAddsARecording: a forward to a recorded number is recorded, also when it was planned late, and then after the answer where the trunk
// carries nothing before.
func TestForwardAddsARecording(t *testing.T) {
	d := office(map[string]provisioning.Settings{"2010": fwd(provisioning.Forwarding{Always: out("0312345678")})})
	d.dids["d|+81312345699"] = provisioning.DID{Number: "+81312345699", To: []string{"2010"}}
	p := Route(d, Request{Domain: "d", Trunk: "carrier", Dialled: "+81312345699"}, time.Time{})
	if p.Record.Number != "+81312345678" || p.Record.Policy != "citizens" {
		t.Errorf("%+v", p)
	}
	late := Forward{On: Busy, To: *out("0312345678"), By: Diverter{Number: "2011", Payer: "2011"}, Reason: whenBusy}
	for carries, want := range map[bool]Notice{true: NoticeEarly, false: NoticeAnswer} {
		p = Route(d, Request{Domain: "d", Trunk: "carrier", Dialled: "+81312345699", Forward: &late, LateMedia: !carries}, time.Time{})
		if p.Record.Number != "+81312345678" || p.Record.Notice != want {
			t.Errorf("%+v", p)
		}
	}
}

// TestAnnounced: each side hears what was demanded of it first, and a key only where both may be refused.
func TestAnnounced(t *testing.T) {
	with := func(prompt string, key rune) Record {
		r := Record{On: true, Notice: NoticeAnswer, Prompt: prompt, Language: "ja"}
		if key != 0 {
			r.Refusal = Refusal{Key: key, Wait: refusalWait}
		}
		return r
	}
	ends := func(r Record) Record { r.Refusal.Ends = true; return r }
	silent := Record{On: true, Notice: NoticeNone}
	outward := Record{On: true, Notice: NoticeNone, Outbound: NoticeCalled, Prompt: "in", Calling: "out", Language: "en"}
	for _, c := range []struct {
		name        string
		first, then Record
		want        Record
	}{
		{"both may be refused", with("a", '9'), with("b", '8'), with("a", '9')},
		{"and the first ends the call for it", ends(with("a", '9')), with("b", '8'), ends(with("a", '9'))},
		{"and the second ends the call for it", with("a", '9'), ends(with("b", '8')), ends(with("a", '9'))},
		{"the second would end it, if it might be refused", ends(with("a", '9')), with("b", 0), with("b", 0)},
		{"the first may", with("a", '9'), with("b", 0), with("b", 0)},
		{"the second may", with("a", 0), with("b", '8'), with("a", 0)},
		{"and who must not be told has no key", with("a", '9'), silent, with("notice/recording", 0)},
		{"nor before", silent, with("b", '8'), with("notice/recording", 0)},
		{"only whom we call", outward, silent, outward},
		{"and who calls", outward, with("b", 0), Record{On: true, Notice: NoticeAnswer, Prompt: "b", Outbound: NoticeCalled, Calling: "out", Language: "ja"}},
	} {
		if got := c.first.And(c.then); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// TestChoice: a notice with a key waits for the answer, since before it no key may come through.
func TestChoice(t *testing.T) {
	d := town()
	d.policies["d|choice"] = provisioning.RecordingPolicy{Name: "choice", Record: provisioning.RecordAlways, Notice: "early-media", NoticeOutbound: "outbound", PromptOutbound: "notice/recording-outbound",
		Refusal: &provisioning.NoticeRefusal{Key: "9", Then: provisioning.RefusalEnds}}
	r := record(d, "d", "choice", "+81", "ja")
	if r.Notice != NoticeAnswer || r.Refusal != (Refusal{Key: '9', Ends: true, Wait: 3 * time.Second}) || r.Wording(false) != "notice/recording" || r.Wording(true) != "notice/recording-outbound" ||
		r.Called() != NoticeCalled {
		t.Errorf("%+v", r)
	}
}

// TestWordsOfBefore: a stored policy whose prompt is no recording notice, from before that was refused, tells people as usual.
func TestWordsOfBefore(t *testing.T) {
	d := town()
	d.policies["d|before"] = provisioning.RecordingPolicy{Name: "before", Record: provisioning.RecordAlways, Prompt: "music/hold", PromptOutbound: "notice/refused"}
	if r := record(d, "d", "before", "+81", "ja"); r.Wording(false) != provisioning.StandardNotice || r.Wording(true) != provisioning.StandardNotice {
		t.Errorf("%+v", r)
	}
}

// TestSilenceEnds: nobody is told as long as the exception lasts, and then people are; also where there never was one.
func TestSilenceEnds(t *testing.T) {
	d := town()
	end := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	for name, e := range map[string]*provisioning.NoticeException{"silent": {Reason: "x", Until: end}, "old": nil} {
		d.policies["d|"+name] = provisioning.RecordingPolicy{Name: name, Record: provisioning.RecordAlways, Notice: "none", NoticeOutbound: "none", Exception: e}
	}
	for _, c := range []struct {
		policy string
		now    time.Time
		want   Notice
	}{{"silent", end.Add(-1), NoticeNone}, {"silent", end, NoticeEarly}, {"old", end.Add(-1), NoticeEarly}} {
		d.dids["d|+81312340077"] = provisioning.DID{Number: "+81312340077", To: []string{"2002"}, Policy: c.policy}
		p := Route(d, Request{Domain: "d", Trunk: "carrier", Dialled: "+81312340077"}, c.now)
		if p.Record.Notice != c.want || p.Record.Called() != c.want || !p.Record.On {
			t.Errorf("%s at %v: %+v", c.policy, c.now, p.Record)
		}
	}
}
