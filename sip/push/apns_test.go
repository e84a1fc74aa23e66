package push_test

import (
	"errors"
	"testing"

	"naisen/sip/push"
	"naisen/sip/push/pushtest"
)

// TestAPNsOfTwoTokens: an app that gives both of its tokens in one Contact is woken for calls by the one, and for its refresh by the other.
func TestAPNsOfTwoTokens(t *testing.T) {
	sim := pushtest.NewAPNs(t, topic, topic+".voip")
	p := newAPNs(t, sim, nil)
	remote, voip := token(), token()
	sim.RegisterFor(remote, topic)
	sim.RegisterFor(voip, topic+".voip")
	app := sim.TeamID + "." + topic
	for _, c := range []struct {
		param, prid         string
		byCall, kind, again string // who is told of a call, as what, and who of a refresh
	}{
		{".remote&voip", remote + ":remote&" + voip + ":voip", voip, "voip", remote},
		{".remote&voip", voip + ":voip&" + remote + ":remote", voip, "voip", remote},
		{".remote", remote + ":remote", remote, "alert", remote},
		{".remote", remote, remote, "alert", remote},
		{"", remote, remote, "alert", remote},
		{".voip", voip, voip, "voip", ""},
		{".voip", voip + ":voip", voip, "voip", ""},
	} {
		d := push.Device{Provider: "apns", Param: app + c.param, PRID: c.prid}
		if err := p.Takes(d); err != nil {
			t.Errorf("%s: %v", c.param, err)
			continue
		}
		if p.Wakes(d, push.ForRefresh) != (c.again != "") || !p.Wakes(d, push.ForCall) {
			t.Errorf("%s: wakes for the wrong things", c.param)
		}
		for why, want := range map[push.Occasion][2]string{push.ForCall: {c.byCall, c.kind}, push.ForRefresh: {c.again, "background"}} {
			if want[0] == "" {
				continue
			}
			if err := p.Send(t.Context(), push.Message{Device: d, Why: why, ID: "x1", Until: soon()}); err != nil {
				t.Errorf("%s, %v: %v", c.param, why, err)
				continue
			}
			got := sim.Delivered()
			if last := got[len(got)-1]; last.PRID != want[0] || last.Kind != want[1] {
				t.Errorf("%s, %v: as %s", c.param, why, last.Kind)
			}
		}
	}
	sim.Forget(remote) // only what is asked counts
	d := push.Device{Provider: "apns", Param: app + ".remote&voip", PRID: remote + ":remote&" + voip + ":voip"}
	if err := p.Send(t.Context(), push.Message{Device: d, Why: push.ForCall, ID: "x1", Until: soon()}); err != nil {
		t.Errorf("a call: %v", err)
	}
	if err := p.Send(t.Context(), push.Message{Device: d, Why: push.ForRefresh, Until: soon()}); !errors.Is(err, push.ErrGone) {
		t.Errorf("a refresh: %v", err)
	}
	for _, bad := range [][2]string{
		{".remote&voip", remote}, {".remote&voip", remote + ":remote"}, {".remote&voip", remote + "&" + voip}, {".remote&voip", remote + ":remote&" + voip + ":remote"},
		{".remote&voip", remote + ":remote&" + voip + ":voip&" + token() + ":voip"}, {".remote", voip + ":voip"}, {".voip", remote + ":remote"}, {"", remote + "&" + voip},
		{".voip&remote", remote + ":remote&" + voip + ":voip"}, {".remote&voip", "zz:remote&" + voip + ":voip"}, {".other.remote&voip", remote + ":remote&" + voip + ":voip"},
	} {
		if d := (push.Device{Provider: "apns", Param: app + bad[0], PRID: bad[1]}); p.Takes(d) == nil || p.Wakes(d, push.ForCall) {
			t.Errorf("taken: %s of %d characters", bad[0], len(bad[1]))
		}
	}
}
