package signals

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const fuzzIssuer = "https://login.example.jp"

var fuzzNow = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// signed stands for a signature that holds: the target is what stands behind it.
type signed struct {
	payload []byte
	typ     string
}

func (s *signed) Open(context.Context, string) ([]byte, string, error) { return s.payload, s.typ, nil }

// heard is a Memory of one test.
type heard map[string]bool

func (m heard) Heard(_ context.Context, issuer, id string) (bool, error) {
	return m[issuer+" "+id], nil
}
func (m heard) Hear(_ context.Context, issuer, id string, _ time.Time) error {
	m[issuer+" "+id] = true
	return nil
}

// fuzzed is a receiver that believes a payload, and what it told of it.
func fuzzed(t testing.TB, payload []byte, typ string) (*Receiver, *[]Event) {
	keys, told := &signed{payload, typ}, &[]Event{}
	rules := Rules{Domain: "a.example", Issuer: fuzzIssuer, Users: map[string]string{"iss_sub": AsUser, "email": AsLocal, "account": AsLocal, "opaque": AsUser},
		Hosts: []string{"ward.example.jp"}, Sessions: true}
	r, err := New(Config{Memory: heard{}, Clock: func() time.Time { return fuzzNow }, Sink: func(_ context.Context, e Event) error { *told = append(*told, e); return nil },
		Transmitters: []Transmitter{{Name: "idp", Issuer: fuzzIssuer, Audience: []string{"naisen"}, Keys: keys, Rules: rules}},
		Logouts:      []Logout{{Issuer: fuzzIssuer, Audience: []string{"naisen"}, Keys: keys, Rules: rules}}})
	if err != nil {
		t.Fatal(err)
	}
	return r, told
}

// holds says what must be true of whatever was told, and of why it was not.
func holds(t *testing.T, payload []byte, told []Event, err error) {
	t.Helper()
	var f *fault
	if err != nil && (!errors.As(err, &f) || f.later || f.text == "" || len(told) != 0) {
		t.Fatalf("%v, %d told", err, len(told))
	}
	if len(told) > 1 {
		t.Fatalf("told %d times", len(told))
	}
	for _, e := range told {
		for _, word := range []string{e.User, e.Session, e.Token, e.Device, e.Status, e.Reason} {
			if len(word) > maxWord || !utf8.ValidString(word) || strings.ContainsAny(word, "\r\n\x00\x1b") {
				t.Errorf("a stranger's word: %q", word)
			}
		}
		if !slices.Contains(Kinds(), e.Kind) || e.Domain != "a.example" || e.Issuer != fuzzIssuer || e.Of != fuzzIssuer || e.ID == "" || len(e.ID) > maxID || e.Happened.After(fuzzNow.Add(skew)) {
			t.Errorf("%+v", e)
		}
		var claims map[string]any // read by another reader
		if json.Unmarshal(payload, &claims) != nil || claims["iss"] != fuzzIssuer || claims["nonce"] != nil && e.Kind == SignedOut {
			t.Errorf("told of %s", payload)
		}
	}
}

// claims of the seeds; what differs comes in more.
func claimsWith(more string) string {
	return `{"iss":"` + fuzzIssuer + `","aud":["naisen","x"],"jti":"j1","iat":1796115600` + more + `}`
}

// seedsHold makes sure that each seed passes: else the target would never come behind the first check.
func seedsHold(f *testing.F, typ string, take func(*Receiver) error, seeds ...string) {
	for _, s := range seeds {
		r, told := fuzzed(f, []byte(s), typ)
		if err := take(r); err != nil || len(*told) != 1 {
			f.Fatalf("the seed %s: %v, told %d", s, err, len(*told))
		}
		f.Add([]byte(s), typ)
	}
}

// FuzzSET: whatever a transmitter signs is told once in bounded, printable words, or refused by a word of RFC 8935.
func FuzzSET(f *testing.F) {
	const caep, risc, ssf = "https://schemas.openid.net/secevent/caep/event-type/", "https://schemas.openid.net/secevent/risc/event-type/", "https://schemas.openid.net/secevent/ssf/event-type/"
	take := func(r *Receiver) error {
		_, err := r.take(context.Background(), r.byName["idp"], "token")
		return err
	}
	user := `"sub_id":{"format":"iss_sub","iss":"` + fuzzIssuer + `","sub":"taro"}`
	seedsHold(f, "secevent+jwt", take,
		claimsWith(`,`+user+`,"events":{"`+caep+`session-revoked":{"event_timestamp":1796115599.5,"reason_admin":{"ja":"盗難"}}}`),
		claimsWith(`,"sub_id":{"format":"complex","user":{"format":"email","email":"Taro@ward.example.jp"},"session":{"format":"opaque","id":"s1"},"device":{"format":"opaque","id":"d1"}},"events":{"`+caep+`session-revoked":{}}`),
		claimsWith(`,"toe":1796115000,"sub_id":{"format":"aliases","identifiers":[{"format":"phone_number"},{"format":"account","uri":"acct:taro@ward.example.jp"}]},"events":{"`+caep+`credential-change":{}}`),
		claimsWith(`,"events":{"`+caep+`device-compliance-change":{"current_status":"not-compliant","subject":{"format":"opaque","id":"d1"}}}`),
		claimsWith(`,`+user+`,"events":{"`+caep+`assurance-level-change":{"change_direction":"decrease"}}`),
		claimsWith(`,"sub_id":{"format":"jwt_id","iss":"`+fuzzIssuer+`","jti":"t1"},"events":{"`+risc+`account-disabled":{"reason_admin":"x"}}`),
		claimsWith(`,"events":{"`+ssf+`stream-updated":{"status":"paused"}}`))
	f.Add([]byte(`{"iss":1}`), "")
	f.Add([]byte(claimsWith(`,"exp":1796119200,"sub":"taro","events":{}`)), "at+jwt")
	f.Fuzz(func(t *testing.T, payload []byte, typ string) {
		r, told := fuzzed(t, payload, typ)
		err := take(r)
		holds(t, payload, *told, err)
		if typ != "secevent+jwt" && err == nil {
			t.Errorf("taken with typ %q", typ)
		}
		if again := take(r); (again == nil) != (err == nil) {
			t.Errorf("again: %v, at first %v", again, err)
		}
		holds(t, payload, *told, err) // told once
	})
}

// FuzzLogoutToken: likewise of logout tokens, whose issuer is looked at before the signature.
func FuzzLogoutToken(f *testing.F) {
	taken := func(payload []byte) func(*Receiver) error {
		return func(r *Receiver) error {
			return r.takeLogout(context.Background(), "e30."+base64.RawURLEncoding.EncodeToString(payload)+".c2ln")
		}
	}
	const event = `,"exp":1796115720,"events":{"` + logoutEvent + `":{}}`
	for _, s := range []string{claimsWith(`,"sid":"s1"` + event), claimsWith(`,"sub":"taro"` + event), claimsWith(`,"sub":"taro","sid":"s1"` + event)} {
		for _, typ := range []string{"logout+jwt", "jwt", ""} {
			seedsHold(f, typ, taken([]byte(s)), s)
		}
	}
	f.Add([]byte(claimsWith(`,"nonce":"n","sid":"s1"`+event)), "logout+jwt")
	f.Add([]byte(`[]`), "jwt")
	f.Fuzz(func(t *testing.T, payload []byte, typ string) {
		r, told := fuzzed(t, payload, typ)
		err := taken(payload)(r)
		holds(t, payload, *told, err)
		for _, e := range *told {
			if e.Kind != SignedOut || !slices.Contains([]string{"logout+jwt", "jwt", ""}, typ) {
				t.Errorf("%q: %+v", typ, e)
			}
		}
		if again := taken(payload)(r); (again == nil) != (err == nil) {
			t.Errorf("again: %v, at first %v", again, err)
		}
		holds(t, payload, *told, err)
	})
}
