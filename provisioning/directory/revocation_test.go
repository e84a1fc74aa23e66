package directory

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// A token is refused when its person, session, device or itself was revoked, whatever else is said of anybody else, and a domain's word is for its own alone.
func TestRevoked(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	at := time.Now()
	end := func(e provisioning.Ending) {
		t.Helper()
		e.At, e.Why = at, "test"
		v := update(t, s, func(w provisioning.Writer) error { _, err := provisioning.End(w, domA, e); return err })
		if err := d.WaitVersion(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	token := func(change func(*provisioning.Subject)) provisioning.Subject {
		u := provisioning.Subject{Domain: domA, User: "taro", Issuer: "https://x", Session: "s1", Token: "j1", Device: "D1", Issued: at.Add(-time.Minute)}
		if change != nil {
			change(&u)
		}
		return u
	}
	refused := func(u provisioning.Subject) bool { return d.Snapshot().Revoked(u) != "" }
	if refused(token(nil)) {
		t.Fatal("refused before anything was revoked")
	}
	for name, e := range map[string]provisioning.Ending{
		"session": {Of: provisioning.RevokedSession, Name: "https://x s2"}, "device": {Of: provisioning.RevokedDevice, Name: "d2"}, "token": {Of: provisioning.RevokedToken, Name: "https://x j2"},
		"user": {Of: provisioning.RevokedUser, Name: "hanako"},
	} {
		end(e)
		if refused(token(nil)) {
			t.Errorf("%s: another one's", name)
		}
	}
	for name, change := range map[string]func(*provisioning.Subject){
		"session": func(u *provisioning.Subject) { u.Session = "s2" }, "device": func(u *provisioning.Subject) { u.Device = "D2" }, "token": func(u *provisioning.Subject) { u.Token = "j2" },
		"user": func(u *provisioning.Subject) { u.User = "hanako" },
	} {
		if !refused(token(change)) {
			t.Errorf("%s: not refused", name)
		}
		later := func(u *provisioning.Subject) { change(u); u.Issued = at.Add(time.Second) }
		if refused(token(later)) {
			t.Errorf("%s: a later token is refused", name)
		}
		elsewhere := func(u *provisioning.Subject) { change(u); u.Domain = domB }
		if refused(token(elsewhere)) {
			t.Errorf("%s: in another domain", name)
		}
	}
	if refused(token(func(u *provisioning.Subject) { u.Issuer, u.Session = "https://y", "s2" })) {
		t.Error("another issuer's session of that name")
	}
}
