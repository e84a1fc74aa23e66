package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/provisioning"
	"naisen/sip/siptest"
)

// supervised is a call centre whose supervisor has the telephone 2003 and may do everything with calls of 2001.
func supervised(change func(*provisioning.Supervision), more ...provisioning.Entity) []provisioning.Entity {
	s := provisioning.Supervision{Name: "desk", Supervisors: []string{"boss"}, Extensions: []string{"2001"}, Tone: true,
		Modes: []string{provisioning.MonitorListen, provisioning.MonitorWhisper, provisioning.MonitorBarge}}
	if change != nil {
		change(&s)
	}
	return append([]provisioning.Entity{provisioning.User{Name: "boss", Roles: []provisioning.Role{provisioning.RoleSupervisor}},
		provisioning.User{Name: "clerk", Roles: []provisioning.Role{provisioning.RoleAdmin}},
		provisioning.Extension{Number: "2003", Display: "Ext 2", AllowMD5: true, Media: "srtp-preferred", User: "boss"},
		provisioning.Extension{Number: "2004", Display: "Ext 3", AllowMD5: true, Media: "srtp-preferred", User: "clerk"}, s}, more...)
}

// gates are what takes part in the first bridge that two talked in, in the order of joining.
func (o *stage) gates() string {
	o.air.mu.Lock()
	defer o.air.mu.Unlock()
	for _, b := range o.air.bridges {
		if b.talked {
			var out []string
			for _, m := range b.members {
				out = append(out, map[media.Gate]string{media.GateBoth: "both", media.GateListen: "listen", media.GateWhisper: "whisper", media.GateNone: "none"}[b.gates[m]])
			}
			return strings.Join(out, " ")
		}
	}
	return ""
}

// trace is the audit log as "action outcome object by mode", without the call's name.
func (o *stage) trace() (out []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.audits {
		kind, _, _ := strings.Cut(a.Object, "/")
		out = append(out, fmt.Sprintf("%s %s %s %s %v>%v %v", a.Subject, a.Action, a.Outcome, kind, a.Detail["by"], a.Detail["extension"], a.Detail["mode"]))
	}
	return out
}

// A supervisor listens, whispers and joins by keys, each written down before, and is out when the call is over.
func TestMonitor(t *testing.T) {
	onStage(t, "monitor", func(o *stage) {
		o.air.audience = true
		a, b := o.talk(o.phones["2002"], o.phones["2001"], "2001")
		s := o.script(o.phones["2003"], "*512001")
		if got := o.gates(); got != "both both" {
			t.Errorf("before it was said that it listens: %s", got)
		}
		o.wait(2 * time.Second)
		if got := o.gates(); got != "both both listen" {
			t.Errorf("listening: %s", got)
		}
		for _, k := range [][2]string{{"5", "whisper"}, {"9", "whisper"}, {"6", "both"}} {
			s.inform(k[0])
			o.wait(time.Second)
			if got := o.gates(); got != "both both "+k[1] {
				t.Errorf("after %s: %s", k[0], got)
			}
		}
		b.bye(a)
		s.hungUp()
		o.wait(time.Second)
		want := []string{"boss@pbx.example.jp call.monitor allowed call 2003>2001 listen", "boss@pbx.example.jp call.monitor allowed call 2003>2001 whisper",
			"boss@pbx.example.jp call.monitor allowed call 2003>2001 barge", "boss@pbx.example.jp call.monitor.ended ok call 2003>2001 <nil>"}
		if got := o.trace(); !slices.Equal(got, want) {
			t.Errorf("audit\n%q\nwant\n%q", got, want)
		}
		if got := o.tape.recordings[0].heardBy; !slices.Equal(got, []string{"2003 listen", "2003 whisper", "2003 barge", " "}) {
			t.Errorf("the recording knows of %q", got)
		}
		o.records("2002 > 2001 2001 200 OK by called", "2003 > *512001 feature:monitor-listen 200 Normal call clearing by switch")
	}, supervised(nil)...)
}

// Who may not, whom nobody may, and what cannot be written down: nobody hears anything.
func TestMonitorIsRefused(t *testing.T) {
	never := provisioning.Supervision{Name: "confidential", Extensions: []string{"2002"}, Never: true}
	refused := func(o *stage, p *siptest.Phone, code string, status int) {
		o.t.Helper()
		out := o.invite(p, code, nil)
		p.ExpectStatus(183, "INVITE")
		p.Ack(out, p.ExpectStatus(status, "INVITE"))
	}
	for name, c := range map[string]struct {
		who, code string
		status    int
		change    func(*provisioning.Supervision)
		more      []provisioning.Entity
		broken    error
	}{
		"nobody talks there":    {who: "2003", code: "*512004", status: 480},
		"another role":          {who: "2004", code: "*512001", status: 403, change: func(s *provisioning.Supervision) { s.Supervisors = []string{"boss", "clerk"} }},
		"another's calls":       {who: "2003", code: "*512001", status: 403, change: func(s *provisioning.Supervision) { s.Extensions = []string{"2004"} }},
		"another mode":          {who: "2003", code: "*532001", status: 403, change: func(s *provisioning.Supervision) { s.Modes = nil }},
		"never the other party": {who: "2003", code: "*512001", status: 403, more: []provisioning.Entity{never}},
		"no audit":              {who: "2003", code: "*512001", status: 500, broken: errors.New("disk full")},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				o.air.audience = true
				a, b := o.talk(o.phones["2002"], o.phones["2001"], "2001")
				o.noAudit = c.broken
				if p := o.phones[c.who]; c.status == 500 {
					p.Ack(o.invite(p, c.code, nil), p.ExpectStatus(500, "INVITE"))
				} else {
					refused(o, p, c.code, c.status)
				}
				o.wait(time.Second)
				if got := o.gates(); got != "both both" || len(o.audits) != 0 || len(o.tape.recordings[0].heardBy) != 0 {
					t.Errorf("%s, audit %v, recording %q", got, o.audits, o.tape.recordings[0].heardBy)
				}
				b.bye(a)
			}, supervised(c.change, c.more...)...)
		})
	}
}

// Who was judged to hear two people hears nobody else: when one of them sends the other on the listening ends, and nothing of it is left.
func TestMonitorEndsWithATransfer(t *testing.T) {
	onStage(t, "", func(o *stage) {
		o.air.audience = true
		a, b := o.talk(o.phones["2002"], o.phones["2001"], "2001")
		s := o.script(o.phones["2003"], "*512001")
		o.wait(2 * time.Second)
		b.refer("sip:2004@" + simDomain)
		s.hungUp()
		in := o.phones["2004"].Expect("INVITE")
		c := side{o.phones["2004"], in, o.phones["2004"].Reply(in, 200, with(o.phones["2004"], "0 8 101")), false}
		o.phones["2004"].Expect("ACK")
		b.notified("200 OK")
		o.phones["2001"].Reply(o.phones["2001"].Expect("BYE"), 200, nil)
		o.wait(time.Second)
		if got := o.gates(); got != "both both" {
			t.Errorf("after the transfer: %s", got)
		}
		if got := o.trace(); len(got) != 2 || !strings.Contains(got[1], "call.monitor.ended ok") {
			t.Errorf("audit %q", got)
		}
		c.bye(a)
	}, supervised(nil)...)
}

// A supervisor who hangs up leaves the call as it was, with a tone heard and the end written down.
func TestSupervisorHangsUp(t *testing.T) {
	onStage(t, "", func(o *stage) {
		o.air.audience = true
		a, b := o.talk(o.phones["2002"], o.phones["2001"], "2001")
		s := o.script(o.phones["2003"], "*522001")
		o.wait(2 * time.Second)
		if got := o.gates(); got != "both both whisper" {
			t.Errorf("whispering: %s", got)
		}
		s.do("BYE", 200, nil)
		o.wait(time.Second)
		if got := o.gates(); got != "both both" {
			t.Errorf("afterwards: %s", got)
		}
		if got := o.trace(); len(got) != 2 || !strings.Contains(got[1], "call.monitor.ended ok") {
			t.Errorf("audit %q", got)
		}
		if got := o.tape.recordings[0].heardBy; !slices.Equal(got, []string{"2003 whisper", " "}) {
			t.Errorf("the recording knows of %q", got)
		}
		b.bye(a)
	}, supervised(nil)...)
}

// Asked by REST the supervisor's own telephone rings first; what it may hear is judged when it has answered.
func TestMonitorByClick(t *testing.T) {
	onStage(t, "", func(o *stage) {
		o.air.audience = true
		a, b := o.talk(o.phones["2002"], o.phones["2001"], "2001")
		o.click("2003", "*512001")
		s := o.answers(o.phones["2003"])
		o.wait(2 * time.Second)
		if got := o.gates(); got != "both both listen" {
			t.Errorf("listening: %s", got)
		}
		b.bye(a)
		s.hungUp()
		o.wait(time.Second)
		if got := o.trace(); len(got) != 2 {
			t.Errorf("audit %q", got)
		}
	}, supervised(nil)...)
}
