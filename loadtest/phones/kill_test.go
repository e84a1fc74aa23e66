package phones

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestKill9: the switch dies in the middle of a recorded call. The next start finishes the recording by itself, with at most a second
// missing, and has kept everything: users, numbers, passwords, the audit log, and where phones are registered.
func TestKill9(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	notice(t, p, "none")
	rings(t, p, "ja", "2001")
	clerk := person(t, p, "clerk", "recording-listener")
	b := desk(t, p, "2001", deskHz, true)
	u := phone(t, peer.Phone{User: "2002", Domain: p.Domain, Password: p.Passwords["2002"], Proxy: p.UDP, Transport: "udp", Hz: otherHz, Register: true})
	c := carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, b, c)
	answered := time.Now()
	talk(t, 6*time.Second)
	lived := time.Since(answered)
	p.Kill()
	down := time.Now()
	must(t, p.Run(t.Context()))
	if len(p.AdminOTP) > 0 || strings.Contains(p.Output(), "First run") {
		t.Error("the restart is a first run")
	}
	must(t, p.SignIn(t.Context()))
	t.Logf("ready %v after the kill", time.Since(down).Round(time.Millisecond))
	interrupted(t, p, lived)
	killed(t, p, lived)
	sameState(t, p, clerk)
	c.Stop() // it still talks to nobody
	b.Stop()
	afterRestart(t, p, u)
	verifiedLog(t, p)
}

// killed: the call that ran has its one record, which says what became of it.
func killed(t *testing.T, p *peer.PBX, lived time.Duration) {
	t.Helper()
	h := history(t, p, 1)
	talk := time.Duration(h[0].TalkMS) * time.Millisecond
	if len(h) != 1 || h[0].Cause != "Switch stopped without warning" || h[0].EndedBy != "switch" || h[0].AnsweredBy != "2001" || h[0].Recording == "" ||
		talk < lived-2*time.Second || talk > lived+time.Second {
		t.Errorf("%+v, lived %v", h, lived)
	}
}

// interrupted: there is exactly one recording, and it is all there.
func interrupted(t *testing.T, p *peer.PBX, lived time.Duration) {
	t.Helper()
	var list struct {
		Recordings []struct {
			ID, State   string
			Interrupted bool
		}
	}
	get(t, p, "recordings", &list)
	if len(list.Recordings) != 1 {
		t.Fatalf("%d rows: %+v", len(list.Recordings), list)
	}
	rec := stored(t, p, list.Recordings[0].ID)
	get(t, p, "recordings", &list)
	if len(list.Recordings) != 1 || !list.Recordings[0].Interrupted || !rec.Manifest.Interrupted {
		t.Errorf("rows %+v, manifest %+v", list, rec.Manifest)
	}
	got := time.Duration(rec.DurationMS) * time.Millisecond
	t.Logf("%v from answer to kill, %v recorded", lived.Round(time.Millisecond), got)
	if got < lived-time.Second || got > lived+500*time.Millisecond {
		t.Errorf("recorded %v of %v", got, lived)
	}
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, lived-1200*time.Millisecond)
	onlyTone(t, "right channel", right, deskHz, lived-1200*time.Millisecond)
	if n := len(objects(t, p, ".age")); n != 2 {
		t.Errorf("%d objects, want the recording and its manifest", n)
	}
}

// sameState: what was set before the kill holds after it, tokens included.
func sameState(t *testing.T, p *peer.PBX, clerk string) {
	t.Helper()
	var number struct {
		To     []string
		Policy string
	}
	get(t, p, "dids/"+did, &number)
	if len(number.To) != 1 || number.To[0] != "2001" || number.Policy != "citizens" {
		t.Errorf("DID %+v", number)
	}
	status, answer, err := p.DoAs(t.Context(), clerk, "GET", "recordings", nil)
	must(t, err)
	if status != 200 {
		t.Errorf("the clerk's token: %d %s", status, answer)
	}
	again, err := p.Command(t.Context(), "a password that is long\n", "login", "--url", p.URL, "--user", "clerk")
	if err != nil || strings.TrimSpace(again) == "" {
		t.Errorf("the clerk's password: %v", err)
	}
}

// afterRestart: a binding made before the kill is good for a call, and a phone comes back with the password that it had.
func afterRestart(t *testing.T, p *peer.PBX, u *peer.Baresip) {
	t.Helper()
	if n := strings.Count(u.Output(), "200 OK"); n != 1 {
		t.Fatalf("the phone registered %d times", n)
	}
	rings(t, p, "ja", "2002")
	c := carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	must(t, u.Saw("Incoming call", 5*time.Second))
	must(t, u.Command("accept", ""))
	established(t, u, c)
	if n := strings.Count(u.Output(), "200 OK"); n != 1 {
		t.Errorf("the phone registered %d times", n)
	}
	talk(t, 2*time.Second)
	must(t, c.Command("hangup", ""))
	if rec := stored(t, p, history(t, p, 2)[0].Recording); rec.Manifest.Interrupted {
		t.Errorf("manifest %+v", rec.Manifest)
	}
	onlyTone(t, "UDP phone's ear", ear(t, u), carrierHz, 1500*time.Millisecond)
	desk(t, p, "2001", deskHz, true)
}
