package identity

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestStepUp: what a sign-in lacks, and the challenge exactly as RFC 9470 section 3 has it.
func TestStepUp(t *testing.T) {
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	at := func(ago time.Duration) provisioning.Subject {
		return provisioning.Subject{User: "alice", ACR: "mfa", AMR: []string{"pwd", "otp"}, AuthTime: now.Add(-ago)}
	}
	sealed := at(20 * time.Minute)
	sealed.User, sealed.ACR, sealed.AMR, sealed.Person = provisioning.SealedAccount, ACRSealed, []string{"pwd"}, "~1"
	elsewhere := sealed
	elsewhere.Person = ""
	const start = `Bearer realm="naisen", error="insufficient_user_authentication"`
	for _, c := range []struct {
		name      string
		asked     Requirement
		subject   provisioning.Subject
		challenge string // "": it does
	}{
		{"nothing asked", Requirement{}, provisioning.Subject{User: "alice"}, ""},
		{"good", Requirement{ACR: []string{"phr", "mfa"}, AMR: []string{"hwk", "otp"}, MaxAge: time.Hour}, at(time.Hour), ""},
		{"other acr", Requirement{ACR: []string{"phr", "phrh"}}, at(0), start + `, acr_values="phr phrh"`},
		{"no acr", Requirement{ACR: []string{"mfa"}}, provisioning.Subject{User: "alice", AuthTime: now}, start + `, acr_values="mfa"`},
		{"other amr", Requirement{AMR: []string{"hwk"}}, at(0), start},
		{"other amr, acr to ask for", Requirement{ACR: []string{"mfa"}, AMR: []string{"hwk"}}, at(0), start + `, acr_values="mfa"`},
		{"too old", Requirement{MaxAge: 15 * time.Minute}, at(15*time.Minute + time.Second), start + `, max_age="900"`},
		{"too old, and all is told", Requirement{ACR: []string{"mfa"}, MaxAge: time.Minute}, at(time.Hour), start + `, acr_values="mfa", max_age="60"`},
		{"does not say when", Requirement{MaxAge: time.Hour}, provisioning.Subject{User: "alice", ACR: "mfa"}, start + `, max_age="3600"`},
		{"in the future", Requirement{MaxAge: time.Hour}, at(-2 * time.Minute), start + `, max_age="3600"`},
		{"clocks differ", Requirement{MaxAge: time.Hour}, at(-30 * time.Second), ""},
		{"break-glass", Requirement{ACR: []string{"phr"}, AMR: []string{"hwk"}, MaxAge: time.Hour}, sealed, ""},
		{"break-glass, another issuer says", Requirement{ACR: []string{"phr"}, MaxAge: time.Hour}, elsewhere, start + `, acr_values="phr", max_age="3600"`},
		{"break-glass, too old: the envelope again", Requirement{ACR: []string{"phr"}, AMR: []string{"hwk"}, MaxAge: 15 * time.Minute}, sealed, start + `, max_age="900"`},
		{"the switch itself", Requirement{ACR: []string{"mfa"}, MaxAge: time.Minute}, provisioning.Subject{System: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.asked.Check(c.subject, now)
			if c.challenge == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Status != 401 || e.Challenge("naisen") != c.challenge || !errors.Is(err, ErrUnauthenticated) {
				t.Fatalf("%v: %s, want %s", err, e.Challenge("naisen"), c.challenge)
			}
			back, ok := StepUpOf(e.Challenge("naisen"))
			want := Requirement{MaxAge: c.asked.MaxAge}
			if strings.Contains(c.challenge, "acr_values") {
				want.ACR = c.asked.ACR
			}
			if !ok || !reflect.DeepEqual(back, want) {
				t.Errorf("read back: %+v, want %+v", back, want)
			}
		})
	}
	for _, bad := range []Requirement{{ACR: []string{"a b"}}, {ACR: []string{`a"`}}, {AMR: []string{""}}, {ACR: []string{"多要素"}}, {MaxAge: time.Second}, {MaxAge: -time.Hour},
		{MaxAge: 90*time.Second + 1}, {ACR: make([]string, maxRequired+1)}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestStepUpOf reads what other servers write (RFC 9470 section 3 shows the first two), and nothing else.
func TestStepUpOf(t *testing.T) {
	for text, want := range map[string]*Requirement{
		`Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="myACR"`: {ACR: []string{"myACR"}},
		`Bearer error="insufficient_user_authentication", error_description="More recent, \"fresher\" authentication", max_age="5"`:             {MaxAge: 5 * time.Second},
		`bearer max_age=0,acr_values="a  b" , error=insufficient_user_authentication`:                                                           {ACR: []string{"a", "b"}, MaxAge: time.Second},
		`Bearer error="invalid_token", acr_values="x"`:                                                                                          nil,
		`Basic error="insufficient_user_authentication"`:                                                                                        nil,
		`Bearer error="insufficient_user_authentication`:                                                                                        nil,
		`Bearer realm="error=\"insufficient_user_authentication\""`:                                                                             nil,
		``: nil, `Bearer`: nil, `Bearer =`: nil,
		`Bearer error="insufficient_user_authentication", x="` + strings.Repeat("y", 9000) + `"`: nil,
	} {
		got, ok := StepUpOf(text)
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, *want) {
			t.Errorf("%.80s: %+v %v", text, got, ok)
		}
	}
}
