package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"naisen/provisioning"
)

// What is set by a code stands in the store under the name of who dialled, and what cannot be is refused without a change.
func TestSelfService(t *testing.T) {
	st := simStore(t, provisioning.Settings{Extension: "2001", NoCallWaiting: true})
	d := selfService{store: st}
	set := func(feature, argument string) (provisioning.Settings, error) {
		err := d.Set(t.Context(), simDomain, "2001", feature, argument)
		var s provisioning.Settings
		if err := st.View(t.Context(), func(r provisioning.Reader) (err error) {
			s, _, err = provisioning.Get[provisioning.Settings](r, simDomain, "2001")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return s, err
	}
	if s, err := set(provisioning.FeatureForwardOn, "2002"); err != nil || s.Forward.Always == nil || s.Forward.Always.Extension != "2002" || !s.NoCallWaiting {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := set(provisioning.FeatureForwardBusyOn, "0312345678"); err != nil || s.Forward.Busy == nil || s.Forward.Busy.Number != "0312345678" {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := set(provisioning.FeatureForwardOff, ""); err != nil || s.Forward.Always != nil || s.Forward.Busy == nil {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := set(provisioning.FeatureDNDOn, ""); err != nil || !s.DoNotDisturb {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range [][2]string{{provisioning.FeatureForwardOn, "110"}, {provisioning.FeatureForwardOn, "2001"}, {"nonsense", ""}} {
		if s, err := set(bad[0], bad[1]); err == nil || s.Forward.Always != nil {
			t.Errorf("%v: %+v %v", bad, s, err)
		}
	}
	var who string
	if err := st.View(t.Context(), func(r provisioning.Reader) error {
		list, err := r.Audit(simDomain, provisioning.AuditQuery{Newest: true, Limit: 1, Action: "settings.put"})
		if len(list) > 0 {
			who = list[0].Subject
		}
		return err
	}); err != nil || who != "extension 2001@"+simDomain {
		t.Errorf("audited as %q, %v", who, err)
	}
}

// By code somebody changes the own list alone, and puts nothing there that REST would refuse.
func TestShortNumberSetByCode(t *testing.T) {
	st := simStore(t, provisioning.User{Name: "hanako"}, provisioning.Extension{Number: "2001", User: "hanako"},
		provisioning.ShortNumbers{List: provisioning.SystemList, Entries: []provisioning.ShortNumber{{Code: "9", Number: "0312345678"}}})
	d := selfService{store: st}
	list := func() string {
		var l provisioning.ShortNumbers
		if err := st.View(t.Context(), func(r provisioning.Reader) (err error) {
			l, _, err = provisioning.Get[provisioning.ShortNumbers](r, simDomain, "user:hanako")
			return err
		}); err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			t.Fatal(err)
		}
		return fmt.Sprint(l.Entries)
	}
	for _, c := range []struct {
		extension, code, number string
		ok                      bool
		want                    string
	}{
		{"2001", "12", "0451112222", true, "[{12 0451112222 }]"},
		{"2001", "12", "0451113333", true, "[{12 0451113333 }]"},
		{"2001", "13", "119", false, "[{12 0451113333 }]"},
		{"2001", "1", "0451112222", false, "[{12 0451113333 }]"},  // would hide 12
		{"2001", "91", "0451112222", false, "[{12 0451113333 }]"}, // is everybody's
		{"2001", "13", "", false, "[{12 0451113333 }]"},
		{"2002", "12", "0451112222", false, "[{12 0451113333 }]"}, // nobody's telephone
		{"2001", "12", "", true, "[]"},
	} {
		if err := d.shorten(t.Context(), simDomain, c.extension, c.code, c.number); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if got := list(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// The last caller is the newest one who rang the extension, whoever it called itself meanwhile.
func TestLastCaller(t *testing.T) {
	st := simStore(t)
	d := selfService{store: st}
	if _, known, err := d.LastCaller(t.Context(), simDomain, "2001"); known || err != nil {
		t.Errorf("nobody called: %v %v", known, err)
	}
	at := time.Unix(1_800_000_000, 0)
	for i, c := range []provisioning.CDR{{From: "+81312345678", To: "2001"}, {From: "2001", To: "2002"}} {
		c.ID, c.Domain, c.Started, c.Ended = "c"+string(rune('1'+i)), simDomain, at.Add(time.Duration(i)*time.Minute), at.Add(time.Hour)
		if err := st.Update(context.Background(), provisioning.Subject{Domain: simDomain, System: true}, func(w provisioning.Writer) error { return w.AddCDR(c) }); err != nil {
			t.Fatal(err)
		}
	}
	if n, known, err := d.LastCaller(t.Context(), simDomain, "2001"); n != "+81312345678" || !known || err != nil {
		t.Errorf("%q %v %v", n, known, err)
	}
}

// The night key is pressed by those who may.
func TestNightKey(t *testing.T) {
	st := simStore(t, provisioning.Calendar{Name: "hall", Number: "7000", Operators: []string{"2001"}})
	d := selfService{store: st}
	mode := func() string {
		var c provisioning.Calendar
		if err := st.View(t.Context(), func(r provisioning.Reader) (err error) {
			c, _, err = provisioning.Get[provisioning.Calendar](r, simDomain, "hall")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return c.Manual
	}
	for _, bad := range [][2]string{{"2002", "7000"}, {"2001", "7001"}, {"2001", ""}} {
		if err := d.Set(t.Context(), simDomain, bad[0], provisioning.FeatureNight, bad[1]); err == nil || mode() != "" {
			t.Errorf("%v: %v, %q", bad, err, mode())
		}
	}
	for _, want := range []string{provisioning.ModeNight, ""} {
		if err := d.Set(t.Context(), simDomain, "2001", provisioning.FeatureNight, "7000"); err != nil || mode() != want {
			t.Errorf("%q, want %q: %v", mode(), want, err)
		}
	}
}
