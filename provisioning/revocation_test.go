package provisioning

import (
	"testing"
	"time"
)

// What happened before something newer undoes nothing, and what is told twice does nothing.
func TestRevocationOrder(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1_700_000_000+s), 0).UTC() }
	user := func(why string, s int) Ending { return Ending{Of: RevokedUser, Name: "taro", Why: why, At: at(s)} }
	bar, admit := user("not-compliant", 10), user("compliant", 20)
	bar.Bar, admit.Admit = true, true
	late := bar
	late.At = at(15)
	both := admit
	both.At = at(10)
	phones := user("session-revoked", 5)
	phones.Phones, phones.Calls = true, FateEnd
	for _, c := range []struct {
		name   string
		events []Ending
		barred string
		before int // 0: none
	}{
		{"one", []Ending{user("a", 7)}, "", 7},
		{"the older one later", []Ending{user("a", 7), user("b", 3)}, "", 7},
		{"barred", []Ending{bar}, "not-compliant", 10},
		{"let in again, what it had is gone", []Ending{bar, admit}, "", 10},
		{"out of order: let in, then the bar of before", []Ending{admit, late}, "", 0},
		{"barred twice", []Ending{bar, bar}, "not-compliant", 10},
		{"at the same moment the bar counts", []Ending{bar, both}, "not-compliant", 10},
		{"and in the other order", []Ending{both, bar}, "not-compliant", 10},
	} {
		var r Revocation
		for _, e := range c.events {
			r = r.after(e)
			if again := r.after(e); again != r {
				t.Errorf("%s: told again it is %+v, was %+v", c.name, again, r)
			}
		}
		want := time.Time{}
		if c.before != 0 {
			want = at(c.before)
		}
		if r.Barred != c.barred || !r.Before.Equal(want) {
			t.Errorf("%s: barred %q before %v, want %q %v", c.name, r.Barred, r.Before, c.barred, want)
		}
	}
	r := Revocation{}.after(phones).after(user("logout", 9))
	if !r.Phones.Equal(at(5)) || !r.Cut.Equal(at(5)) || r.Calls != FateEnd || !r.Before.Equal(at(9)) {
		t.Errorf("a later event that spares telephones and calls: %+v", r)
	}
	for s, want := range map[int]bool{8: true, 9: true, 10: false} {
		if r.Covers(at(s)) != want {
			t.Errorf("issued at %d is covered: %t", s, !want)
		}
	}
	if !r.Covers(time.Time{}) || (Revocation{}).Covers(time.Time{}) {
		t.Error("a token without a time is the oldest of all, and none is covered by nothing")
	}
}

func TestDeviceName(t *testing.T) {
	for _, s := range []string{`"<urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6>"`, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"} {
		if got := DeviceName(s); got != "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" {
			t.Errorf("%s is %s", s, got)
		}
	}
	if Fingerprint("") != "" || len(Fingerprint("a")) != 16 || Fingerprint("a") == Fingerprint("b") {
		t.Error("fingerprints")
	}
}
