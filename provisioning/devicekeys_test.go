package provisioning

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDeviceKeysRotate(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	k := NewDeviceKeys("805ec0112233")
	counts := func(gen string, at time.Time) bool { _, _, ok := k.Password(gen, at); return ok }
	if old := k.Current; !counts(old.Generation, now) || counts("", now) || counts("zzzzzz", now) || k.Configured() != old || len(old.Secret) != 26 {
		t.Fatal("one password counts")
	}
	old := k.Current
	k = k.rotated(now)
	next := *k.Next
	if !counts(old.Generation, now) || !counts(next.Generation, now) || k.Configured() != next || next.Secret == old.Secret || next.Generation == old.Generation {
		t.Fatal("both count while the new one is on its way")
	}
	if k.rotated(now.Add(time.Hour)).Configured() != next {
		t.Error("a rotation under way begins anew")
	}
	if _, until, _ := k.Password(old.Generation, now); !until.Equal(now.Add(RotationPatience)) {
		t.Errorf("the old one ends %v", until)
	}
	if over := now.Add(RotationPatience); counts(old.Generation, over) || !counts(next.Generation, over) {
		t.Error("the old one counts beyond its time, or the new one does not")
	}
	back, err := DecodeDeviceKeys(k.Encode())
	if err != nil || back.Access != k.Access || back.Current != k.Current || *back.Next != next || !back.Until.Equal(k.Until) {
		t.Fatal("another one comes back", err)
	}
	if _, err := DecodeDeviceKeys([]byte(`{"access":"` + k.Access)); err == nil || strings.Contains(err.Error(), k.Access) {
		t.Error(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %d %s", k, k, k, k.Current, &next)
	text, _ := json.Marshal([]any{k, next})
	for _, secret := range []string{old.Secret, next.Secret, k.Access} {
		if strings.Contains(printed, secret) || strings.Contains(string(text), secret) {
			t.Fatal("a secret is printed")
		}
	}
}

func TestDeviceLogin(t *testing.T) {
	if number, mac, gen, ok := ReadDeviceLogin(DeviceLogin("2001", "805ec0112233", "abcdef")); !ok || number != "2001" || mac != "805ec0112233" || gen != "abcdef" {
		t.Error(number, mac, gen, ok)
	}
	for _, name := range []string{"", "2001", "2001.805ec0112233", "2001.805ec0112233.", "2001.805ec0112233.abc", ".805ec0112233.abcdef", "a.805ec0112233.abcdef", "2001.805EC0112233.abcdef", "2001.805ec0112233.abc.ef", "2001.805ec0112233.abcdef.x"} {
		if _, _, _, ok := ReadDeviceLogin(name); ok {
			t.Errorf("%q is one", name)
		}
	}
}
