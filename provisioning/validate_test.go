package provisioning

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func many(n int, format string) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

// fault is an entity and the field that is wrong with it; "": nothing.
type fault struct {
	e    Entity
	want string
}

func (c fault) check(t *testing.T) {
	t.Helper()
	_, err := Encode(c.e)
	var got *Invalid
	switch {
	case c.want == "" && err != nil:
		t.Errorf("%+v: %v", c.e, err)
	case c.want != "" && (!errors.As(err, &got) || got.Field != c.want):
		t.Errorf("%.200s: %v, want *Invalid of %s", fmt.Sprintf("%+v", c.e), err, c.want)
	}
}

func TestDomainValidate(t *testing.T) {
	dom := func(f func(*Domain)) Entity { d := Domain{Name: "a.example"}; f(&d); return d }
	long := strings.Repeat("x", 129)
	for _, c := range []fault{
		{dom(func(*Domain) {}), ""},
		{dom(func(d *Domain) {
			*d = Domain{Name: "pbx", Title: "表題 O'Brien <b>", Language: "ja", AllowMD5: true, CountryCode: "81"}
		}), ""},
		{dom(func(d *Domain) { d.Name = "192.0.2.1" }), ""},
		{dom(func(d *Domain) { d.Name = "" }), "name"},
		{dom(func(d *Domain) { d.Name = "A.example" }), "name"},
		{dom(func(d *Domain) { d.Name = "a..example" }), "name"},
		{dom(func(d *Domain) { d.Name = "-a.example" }), "name"},
		{dom(func(d *Domain) { d.Name = "a.example." }), "name"},
		{dom(func(d *Domain) { d.Name = "a_b.example" }), "name"},
		{dom(func(d *Domain) { d.Name = strings.Repeat("a", 64) + ".example" }), "name"},
		{dom(func(d *Domain) { d.Name = strings.Repeat("a.", 127) + "a" }), "name"},
		{dom(func(d *Domain) { d.Title = long }), "title"},
		{dom(func(d *Domain) { d.Title = "a\r\nb" }), "title"},
		{dom(func(d *Domain) { d.Title = "a\u202eb" }), "title"},
		{dom(func(d *Domain) { d.Title = "\xff" }), "title"},
		{dom(func(d *Domain) { d.Language = "fr" }), "language"},
		{dom(func(d *Domain) { d.CountryCode = "081" }), "country_code"},
		{dom(func(d *Domain) { d.CountryCode = "8a" }), "country_code"},
		{dom(func(d *Domain) { d.CountryCode = "8111" }), "country_code"},
		{dom(func(d *Domain) {
			d.Remote = &RemoteWork{Restriction: "homework", Emergency: "call", Softphones: []string{"Acme"}}
		}), ""},
		{dom(func(d *Domain) { d.Remote = &RemoteWork{Emergency: "maybe"} }), "remote.emergency"},
		{dom(func(d *Domain) { d.Remote = &RemoteWork{Softphones: []string{"a", ""}} }), "remote.softphones[1]"},
		{dom(func(d *Domain) { d.Remote = &RemoteWork{Softphones: make([]string, 51)} }), "remote.softphones"},
		{dom(func(d *Domain) { d.Rights = &Rights{} }), ""},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"international"}, []string{"44", "*"}} }), ""},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"international"}, nil} }), "rights.countries"},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"mobile"}, []string{"44"}} }), "rights.countries"},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"mobile", "emergency"}, nil} }), "rights.classes[1]"},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"mobile", "mobile"}, nil} }), "rights.classes[1]"},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"international"}, []string{"+44"}} }), "rights.countries[0]"},
		{dom(func(d *Domain) { d.Rights = &Rights{[]string{"international"}, make([]string, 1e6)} }), "rights.countries"},
		{dom(func(d *Domain) { d.Limits = &Limits{-1, 0, -1, 5} }), ""},
		{dom(func(d *Domain) { d.Limits = &Limits{Calls: -2} }), "limits.calls"},
		{dom(func(d *Domain) { d.Limits = &Limits{ForeignPerHour: 1e6} }), "limits.foreign_per_hour"},
		{dom(func(d *Domain) { d.ExtensionLimits = &Limits{MinutesPerDay: -9} }), "extension_limits.minutes_per_day"},
		{dom(func(d *Domain) { d.ExtensionLimits = &Limits{YenPerDay: 2e9} }), "extension_limits.yen_per_day"},
		{dom(func(d *Domain) { d.Tariffs = []Tariff{{"mobile", "", 20}, {"international", "44", 8.5}} }), ""},
		{dom(func(d *Domain) { d.Tariffs = []Tariff{{"internal", "", 20}} }), "tariffs[0].class"},
		{dom(func(d *Domain) { d.Tariffs = []Tariff{{"mobile", "44", 20}} }), "tariffs[0].country"},
		{dom(func(d *Domain) { d.Tariffs = []Tariff{{"mobile", "", -1}} }), "tariffs[0].yen_per_minute"},
		{dom(func(d *Domain) { d.Tariffs = []Tariff{{"mobile", "", 1}, {"mobile", "", 2}} }), "tariffs[1]"},
		{dom(func(d *Domain) { d.Tariffs = make([]Tariff, 301) }), "tariffs"},
	} {
		c.check(t)
	}
}

func TestUserValidate(t *testing.T) {
	user := func(f func(*User)) Entity { u := User{Name: "taro"}; f(&u); return u }
	for _, c := range []fault{
		{user(func(u *User) { u.Name = "t.yamada+x@example.jp" }), ""},
		{user(func(u *User) { u.Roles = Roles() }), ""},
		{user(func(u *User) { u.Name = "Taro" }), "name"},
		{user(func(u *User) { u.Name = ".taro" }), "name"},
		{user(func(u *User) { u.Name = "a b" }), "name"},
		{user(func(u *User) { u.Name = "a/b" }), "name"},
		{user(func(u *User) { u.Name = strings.Repeat("a", 65) }), "name"},
		{user(func(u *User) { u.Display = "a\x00" }), "display"},
		{user(func(u *User) { u.Roles = []Role{"staff", "root"} }), "roles[1]"},
		{user(func(u *User) { u.Roles = []Role{"staff", "staff"} }), "roles[1]"},
		{user(func(u *User) { u.Roles = make([]Role, 1e6) }), "roles"},
		{user(func(u *User) { u.Delegated = []Delegation{{RoleAdmin, "税務課"}, {RoleTelephony, "税務課"}} }), ""},
		{user(func(u *User) { u.Delegated = []Delegation{{RoleAuditor, "税務課"}} }), "delegated[0].role"},
		{user(func(u *User) { u.Delegated = []Delegation{{RoleAdmin, ""}} }), "delegated[0].department"},
		{user(func(u *User) { u.Delegated = []Delegation{{RoleAdmin, "x"}, {RoleAdmin, "x"}} }), "delegated[1]"},
		{user(func(u *User) { u.Delegated = make([]Delegation, 1e6) }), "delegated"},
	} {
		c.check(t)
	}
}

func TestExtensionValidate(t *testing.T) {
	ext := func(f func(*Extension)) Entity { e := Extension{Number: "2001"}; f(&e); return e }
	for _, c := range []fault{
		{ext(func(e *Extension) {
			*e = Extension{Number: "2001", Display: "d", User: "taro", AllowMD5: true, MaxContacts: 32, Media: "srtp-required", Record: "p",
				CallerID: "+81312345678", Site: "hall", Remote: "old-pbx", Disabled: true}
		}), ""},
		{ext(func(e *Extension) { e.Number = "" }), "number"},
		{ext(func(e *Extension) { e.Number = "20a1" }), "number"},
		{ext(func(e *Extension) { e.Number = "12345678901" }), "number"},
		{ext(func(e *Extension) { e.Number = "２００１" }), "number"},
		{ext(func(e *Extension) { e.User = "x y" }), "user"},
		{ext(func(e *Extension) { e.MaxContacts = -1 }), "max_contacts"},
		{ext(func(e *Extension) { e.MaxContacts = 33 }), "max_contacts"},
		{ext(func(e *Extension) { e.Media = "rtp" }), "media"},
		{ext(func(e *Extension) { e.Suites = []string{"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"} }), ""},
		{ext(func(e *Extension) { e.Suites = []string{"AEAD_AES_128_GCM", "NULL"} }), "srtp_suites[1]"},
		{ext(func(e *Extension) { e.Suites = make([]string, 7) }), "srtp_suites"},
		{ext(func(e *Extension) { e.Record = "X" }), "record"},
		{ext(func(e *Extension) { e.Rights = &Rights{Classes: []string{"x"}} }), "rights.classes[0]"},
		{ext(func(e *Extension) { e.Limits = &Limits{Calls: 10_001} }), "limits.calls"},
		{ext(func(e *Extension) { e.CallerID = "0312345678" }), "caller_id"},
		{ext(func(e *Extension) { e.Site = "?" }), "site"},
		{ext(func(e *Extension) { e.Remote = "?" }), "remote"},
	} {
		c.check(t)
	}
}

func TestDIDValidate(t *testing.T) {
	did := func(f func(*DID)) Entity { d := DID{Number: "+81312345678", To: []string{"2001"}}; f(&d); return d }
	for _, c := range []fault{
		{did(func(d *DID) { d.To = many(32, "2%03d") }), ""},
		{did(func(d *DID) { d.Number = "0312345678" }), "number"},
		{did(func(d *DID) { d.Number = "+0312345678" }), "number"},
		{did(func(d *DID) { d.Number = "+8131234567890123" }), "number"},
		{did(func(d *DID) { d.Number = "+1" }), "number"},
		{did(func(d *DID) { d.To = nil }), "to"},
		{did(func(d *DID) { d.To = many(33, "2%03d") }), "to"},
		{did(func(d *DID) { d.To = make([]string, 1e6) }), "to"},
		{did(func(d *DID) { d.To = []string{"1", "sip:2"} }), "to[1]"},
		{did(func(d *DID) { d.To = []string{"1", "1"} }), "to[1]"},
		{did(func(d *DID) { d.RingSeconds = 601 }), "ring_seconds"},
		{did(func(d *DID) { d.Policy = "?" }), "policy"},
		{did(func(d *DID) { d.Language = "JA" }), "language"},
		{did(func(d *DID) { d.To, d.CallThrough = nil, true }), ""},
		{did(func(d *DID) { d.To, d.CallBack = nil, true }), ""},
		{did(func(d *DID) { d.CallThrough = true }), "to"},
		{did(func(d *DID) { d.CallBack = true }), "to"},
		{did(func(d *DID) { d.To, d.CallBack, d.CallThrough = nil, true, true }), "call_back"},
		{did(func(d *DID) { d.To, d.CallBack, d.Queue = nil, true, "7000" }), "call_back"},
		{did(func(d *DID) { d.To, d.CallBack, d.Messages = nil, true, true }), "call_back"},
		{did(func(d *DID) { d.To, d.CallThrough, d.Voicemail = nil, true, "2001" }), "call_through"},
	} {
		c.check(t)
	}
}

func TestTrunkValidate(t *testing.T) {
	trunk := func(f func(*Trunk)) Entity { c := Trunk{Name: "c", Host: "192.0.2.1"}; f(&c); return c }
	long := strings.Repeat("x", 129)
	for _, c := range []fault{
		{trunk(func(c *Trunk) { c.Host = "sip.example.net:5060" }), ""},
		{trunk(func(c *Trunk) { c.Host = "[2001:db8::1]:5061" }), ""},
		{trunk(func(c *Trunk) { c.Host = "[2001:db8::1]" }), ""},
		{trunk(func(c *Trunk) { c.Sources = []string{"127.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"} }), ""},
		{trunk(func(c *Trunk) { c.Sources = []string{"0.0.0.0/7"} }), "sources[0]"},
		{trunk(func(c *Trunk) { c.Sources = []string{"2000::/8"} }), "sources[0]"},
		{trunk(func(c *Trunk) { c.Sources = []string{"2001:db8::/29", "::/0"} }), "sources[1]"},
		{trunk(func(c *Trunk) { c.Name = "" }), "name"},
		{trunk(func(c *Trunk) { c.Host = "" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "a:0" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "a:65536" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "a:+5" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "a:" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "[192.0.2.1]" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "[::1%eth0]" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "[::1]x" }), "host"},
		{trunk(func(c *Trunk) { c.Host = "a;transport=tcp" }), "host"},
		{trunk(func(c *Trunk) { c.Transport = "ws" }), "transport"},
		{trunk(func(c *Trunk) { c.Sources = []string{"192.0.2.1"} }), "sources[0]"},
		{trunk(func(c *Trunk) { c.Sources = []string{"192.0.2.1/24"} }), "sources[0]"},
		{trunk(func(c *Trunk) { c.Sources = []string{"0.0.0.0/0"} }), "sources[0]"},
		{trunk(func(c *Trunk) { c.Sources = []string{"192.0.2.0/24", "192.0.2.0/24"} }), "sources[1]"},
		{trunk(func(c *Trunk) { c.Sources = many(65, "192.0.2.%d/32") }), "sources"},
		{trunk(func(c *Trunk) { c.Username = `a"b` }), "username"},
		{trunk(func(c *Trunk) { c.Username = long }), "username"},
		{trunk(func(c *Trunk) { c.Prefixes = []string{"0", ""} }), "prefixes[1]"},
		{trunk(func(c *Trunk) { c.Prefixes = []string{"0x"} }), "prefixes[0]"},
		{trunk(func(c *Trunk) { c.Strip = 25 }), "strip"},
		{trunk(func(c *Trunk) { c.Media = "?" }), "media"},
		{trunk(func(c *Trunk) { c.Suites = []string{"F8_128_HMAC_SHA1_80"} }), "srtp_suites[0]"},
		{trunk(func(c *Trunk) { c.DIDFrom = []string{"from"} }), "did_from[0]"},
		{trunk(func(c *Trunk) { c.DIDFrom = []string{"to", "to"} }), "did_from[1]"},
		{trunk(func(c *Trunk) { c.CallerID = "110" }), "caller_id"},
	} {
		c.check(t)
	}
}

func TestTrunkProfileValidate(t *testing.T) {
	trunk := func(f func(*Trunk)) Entity { c := Trunk{Name: "c", Host: "192.0.2.1"}; f(&c); return c }
	low, high := -1, 64
	for _, c := range []fault{
		{trunk(func(c *Trunk) {
			c.Profile, c.NumberFormat, c.Identity, c.FromHost = "ngn", "national", "preferred", "ntt-east.ne.jp"
			c.CallerRanges, c.CallerID, c.DivertHeader = []string{"+8131234XXXX"}, "+81312345678", "both"
			c.SessionExpires, c.MinSE, c.Refresher, c.Reliable, c.OptionsSeconds = 300, 300, "uac", "required", -1
			c.Register, c.RegisterSeconds, c.Account, c.Codecs, c.PTime, c.EarlyMedia = "bulk", 3600, "main", []string{"PCMU"}, 20, "after-answer"
			c.TLSPeers, c.MaxCalls, c.CallsPerSecond, c.Sites = []string{"*.pstnhub.microsoft.com"}, 23, 0.5, []string{"hall"}
		}), ""},
		{trunk(func(c *Trunk) { c.Profile = "isdn" }), "profile"},
		{trunk(func(c *Trunk) { c.Hosts = []string{"a", "b c"} }), "hosts[1]"},
		{trunk(func(c *Trunk) { c.NumberFormat = "roman" }), "number_format"},
		{trunk(func(c *Trunk) { c.Identity = "all" }), "identity"},
		{trunk(func(c *Trunk) { c.FromHost = "a\r\nb" }), "from_host"},
		{trunk(func(c *Trunk) { c.CallerRanges = []string{"0312345678"} }), "caller_ranges[0]"},
		{trunk(func(c *Trunk) { c.CallerRanges = []string{"+XXXXXXXXX"} }), "caller_ranges[0]"},
		{trunk(func(c *Trunk) { c.CallerRanges, c.CallerID = []string{"+8131234XXXX"}, "+81322345678" }), "caller_id"},
		{trunk(func(c *Trunk) { c.DivertHeader = "?" }), "divert_header"},
		{trunk(func(c *Trunk) { c.ContactHost = "a b" }), "contact_host"},
		{trunk(func(c *Trunk) { c.SourcePort = 65536 }), "source_port"},
		{trunk(func(c *Trunk) { c.SessionExpires = 60 }), "session_expires"},
		{trunk(func(c *Trunk) { c.MinSE = 60 }), "min_se"},
		{trunk(func(c *Trunk) { c.SessionExpires, c.MinSE = 300, 600 }), "min_se"},
		{trunk(func(c *Trunk) { c.Refresher = "me" }), "session_refresher"},
		{trunk(func(c *Trunk) { c.Reliable = "yes" }), "reliable_provisional"},
		{trunk(func(c *Trunk) { c.OptionsSeconds = 1 }), "options_seconds"},
		{trunk(func(c *Trunk) { c.Register = "gin" }), "register"},
		{trunk(func(c *Trunk) { c.RegisterSeconds = 1 }), "register_seconds"},
		{trunk(func(c *Trunk) { c.Account = "a@b" }), "account"},
		{trunk(func(c *Trunk) { c.TLSName = "A" }), "tls_name"},
		{trunk(func(c *Trunk) { c.TLSPeers = []string{"*"} }), "tls_peers[0]"},
		{trunk(func(c *Trunk) { c.TLSPeers = []string{"*.com"} }), "tls_peers[0]"},
		{trunk(func(c *Trunk) { c.TLSTrust = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----" }), "tls_trust"},
		{trunk(func(c *Trunk) { c.TLSTrust = strings.Repeat("x", 17<<10) }), "tls_trust"},
		{trunk(func(c *Trunk) { c.Codecs = []string{"G729"} }), "codecs[0]"},
		{trunk(func(c *Trunk) { c.PTime = 25 }), "ptime"},
		{trunk(func(c *Trunk) { c.DSCPSIP = &high }), "dscp_sip"},
		{trunk(func(c *Trunk) { c.DSCPRTP = &low }), "dscp_rtp"},
		{trunk(func(c *Trunk) { c.EarlyMedia = "never" }), "early_media"},
		{trunk(func(c *Trunk) { c.Priority = -1 }), "priority"},
		{trunk(func(c *Trunk) { c.Weight = 1001 }), "weight"},
		{trunk(func(c *Trunk) { c.MaxCalls = -1 }), "max_calls"},
		{trunk(func(c *Trunk) { c.CallsPerSecond = -0.1 }), "calls_per_second"},
		{trunk(func(c *Trunk) { c.Sites = []string{"Hall"} }), "sites[0]"},
	} {
		c.check(t)
	}
}

func TestSiteValidate(t *testing.T) {
	site := func(f func(*Site)) Entity { s := Site{Name: "hall", EmergencyNumber: "+81312340000"}; f(&s); return s }
	for _, c := range []fault{
		{site(func(s *Site) {
			s.Address, s.Networks, s.CallbackMinutes = "東京都", []string{"10.0.0.0/8", "2001:db8::/32"}, 60
		}), ""},
		{site(func(s *Site) { s.Name = "" }), "name"},
		{site(func(s *Site) { s.Title = "a\nb" }), "title"},
		{site(func(s *Site) { s.Address = "a\x00" }), "address"},
		{site(func(s *Site) { s.EmergencyNumber = "0312340000" }), "emergency_number"},
		{site(func(s *Site) { s.Networks = []string{"0.0.0.0/0"} }), "networks[0]"},
		{site(func(s *Site) { s.Networks = []string{"10.0.0.1/8"} }), "networks[0]"},
		{site(func(s *Site) { s.CallbackMinutes = 1441 }), "callback_minutes"},
	} {
		c.check(t)
	}
}

func TestInRanges(t *testing.T) {
	ranges := []string{"+813123400XX", "+81501111222X"}
	for number, want := range map[string]bool{
		"+81312340000": true, "+81312340099": true, "+81312340100": false, "+815011112229": true, "+8131234000": false, "+813123400XX": false, "": false,
	} {
		if InRanges(ranges, number) != want {
			t.Errorf("%s: %v, want %v", number, !want, want)
		}
	}
}

func TestRecordingPolicyValidate(t *testing.T) {
	policy := func(f func(*RecordingPolicy)) Entity { p := RecordingPolicy{Name: "p"}; f(&p); return p }
	for _, c := range []fault{
		{policy(func(p *RecordingPolicy) {
			*p = RecordingPolicy{Name: "p", Record: RecordAlways, Notice: "after-answer", Prompt: "notice/recording", OnFailure: "refuse", RetentionDays: 36500, DSCP: 44}
		}), ""},
		{policy(func(p *RecordingPolicy) { p.Notice = "loud" }), "notice"},
		{policy(func(p *RecordingPolicy) { p.Prompt = "../../etc" }), "prompt"},
		{policy(func(p *RecordingPolicy) { p.Prompt = "/etc" }), "prompt"},
		{policy(func(p *RecordingPolicy) { p.Prompt = "music/hold" }), "prompt"},
		{policy(func(p *RecordingPolicy) { p.PromptOutbound = "notice/refused" }), "prompt_outbound"},
		{policy(func(p *RecordingPolicy) { p.OnFailure = "shrug" }), "on_failure"},
		{policy(func(p *RecordingPolicy) { p.Media = "rot13" }), "media"},
		{policy(func(p *RecordingPolicy) { p.RetentionDays = -1 }), "retention_days"},
		{policy(func(p *RecordingPolicy) { p.DSCP = 64 }), "dscp_rtp"},
		{Site{Name: "s", EmergencyNumber: "+81312345678", Networks: []string{"192.0.2.0/24"}, DSCP: -1}, "dscp_rtp"},
	} {
		c.check(t)
	}
}

func TestEntitiesAreKnown(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Entities() {
		_, optional := e.(FeatureCodes) // a table without changes is one
		if _, rules := e.(ListeningRules); rules {
			optional = true // the zero value denies
		}
		if _, rules := e.(LifecycleRules); rules {
			optional = true // the zero value gives nothing
		}
		if _, rules := e.(ChangeRules); rules {
			optional = true // the zero value asks for nothing
		}
		if _, rules := e.(Duties); rules {
			optional = true // the zero value keeps nothing apart
		}
		if e.Kind() == "" || seen[e.Kind()] || e.Validate() == nil && !optional {
			t.Errorf("%T: kind %q, or its zero value is valid", e, e.Kind())
		}
		seen[e.Kind()] = true
		for _, ref := range e.Refs() {
			if !seen[ref.Kind] {
				t.Errorf("%s refers forward to %s", e.Kind(), ref.Kind)
			}
		}
		for i := range reflect.TypeOf(e).NumField() {
			if f := reflect.TypeOf(e).Field(i); f.Tag.Get("json") == "" {
				t.Errorf("%T.%s has no JSON name", e, f.Name)
			}
		}
	}
	for kind, want := range map[string]string{
		"sip": "extension", "trunk": "trunk", "user/password": "user", "user": "user", "issuer": "", "": "", "users/x": "", "sip/x": "", "domain/key": "domain",
	} {
		if got := SecretOwner(kind); got != want {
			t.Errorf("owner of %q secrets is %q, want %q", kind, got, want)
		}
	}
}

func TestNormalForm(t *testing.T) {
	for _, c := range [][2]Entity{
		{User{Name: "a"}, User{Name: "a", Roles: []Role{}}},
		{Extension{Number: "1", Rights: &Rights{}}, Extension{Number: "1", Rights: &Rights{[]string{}, []string{}}}},
		{Domain{Name: "a", Rights: &Rights{}}, Domain{Name: "a", Rights: &Rights{[]string{}, []string{}}, Tariffs: []Tariff{}}},
		{Trunk{Name: "a", Host: "b"}, Trunk{Name: "a", Host: "b", Sources: []string{}, Prefixes: []string{}, DIDFrom: []string{}, HasSecret: true}},
	} {
		a, err1 := Encode(c[0])
		b, err2 := Encode(c[1])
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) || bytes.Contains(a, []byte("null")) || bytes.Contains(a, []byte("true")) {
			t.Errorf("%s and %s differ, or hold null (%v, %v)", a, b, err1, err2)
		}
	}
}

func TestCDRValidateAndClean(t *testing.T) {
	good := CDR{ID: "c1", Domain: "a.example", Started: time.Unix(1, 0)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for field, c := range map[string]CDR{
		"id": {Domain: "a", Started: good.Started}, "domain": {ID: "x", Domain: "A", Started: good.Started}, "started": {ID: "x", Domain: "a"},
	} {
		var got *Invalid
		if err := c.Validate(); !errors.As(err, &got) || got.Field != field {
			t.Errorf("%+v: %v, want %s", c, err, field)
		}
	}
	strange := good
	strange.From, strange.Cause = "a\r\nX: \x00\xff", strings.Repeat("長", 1000)
	if got := strange.Clean(); got.From != "a\uFFFD\uFFFDX: \uFFFD\uFFFD" || len([]rune(got.Cause)) != 256 || got.ID != "c1" {
		t.Errorf("%+v", got)
	}
}

// FuzzEntities: any JSON as any entity: no panic; what is valid is bounded, stays itself through the store's form, and holds no line break.
func FuzzEntities(f *testing.F) {
	for i := range Entities() {
		f.Add(i, []byte(`{"name":"a.example","number":"2001"}`))
	}
	f.Add(5, []byte(`{"number":"2001","user":"taro","media":"srtp-required","display":"\u0000"}`))
	f.Add(6, []byte(`{"number":"+81312345678","to":["2001","2002"],"ring_seconds":1e9}`))
	f.Add(4, []byte(`{"name":"c","host":"[::1]:5060","sources":["192.0.2.0/24"],"has_secret":true}`))
	f.Fuzz(func(t *testing.T, kind int, text []byte) {
		all := Entities()
		typ := reflect.TypeOf(all[((kind%len(all))+len(all))%len(all)])
		v := reflect.New(typ)
		if json.Unmarshal(text, v.Interface()) != nil {
			return
		}
		body, err := Encode(v.Elem().Interface().(Entity))
		if err != nil {
			return
		}
		back := reflect.New(typ)
		if err := decode(Row{Body: body}, back.Interface()); err != nil {
			t.Fatal(err)
		}
		again, err := Encode(back.Elem().Interface().(Entity))
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%s became %s, %v", body, again, err)
		}
		if len(body) > 32<<10 || bytes.ContainsAny(body, "\r\n") || bytes.Contains(body, []byte(`"has_secret":true`)) {
			t.Fatalf("%d bytes: %.300s", len(body), body)
		}
	})
}
