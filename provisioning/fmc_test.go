package provisioning

import "testing"

// Who brings our people's mobiles must be known by more than an address, and nothing else goes by it; a mobile has a number and a trunk.
func TestFMCValidate(t *testing.T) {
	trunk := Trunk{Name: "mobiles", Profile: "fmc", Role: RoleFMC, Host: "192.0.2.60", Transport: "udp", Sources: []string{"192.0.2.60/32"}, Username: "network"}
	for _, c := range []struct {
		what, field string // of the complaint; empty: none
		change      func(*Trunk)
	}{
		{"by address and password", "", func(*Trunk) {}},
		{"by certificate", "", func(t *Trunk) {
			t.Transport, t.Sources, t.Username, t.TLSPeers = "tls", nil, "", []string{"sbc.example.jp"}
		}},
		{"one that registers", "", func(t *Trunk) { t.Sources, t.Register = nil, "accept" }},
		{"by Remote-Party-ID", "", func(t *Trunk) { t.FMCIdentity = "remote-party-id" }},
		{"by address alone", "username", func(t *Trunk) { t.Username = "" }},
		{"by password alone", "tls_peers", func(t *Trunk) { t.Sources = nil }},
		{"by anything", "fmc_identity", func(t *Trunk) { t.FMCIdentity = "subject" }},
		{"a carrier of the outside", "fmc_identity", func(t *Trunk) { t.Role, t.FMCIdentity = "", "from" }},
		{"a carrier of the outside", "fmc_no_voicemail", func(t *Trunk) { t.Role, t.FMCNoVoicemail = "", true }},
		{"calls of outside over it", "prefixes", func(t *Trunk) { t.Prefixes = []string{"0"} }},
		{"with policies of its own", "recording", func(t *Trunk) { t.Recording = &Directions{} }},
		{"callers that are strangers", "internal", func(t *Trunk) { t.Internal = new(bool) }},
		{"recordings", "record_policy", func(t *Trunk) { t.RecordPolicy = "taken" }},
	} {
		tr := trunk
		c.change(&tr)
		t.Run(c.what, func(t *testing.T) { fault{tr, c.field}.check(t) })
	}
	mobile := Extension{Number: "2002", FMCNumber: "+819011112222", FMCTrunk: "mobiles"}
	for field, change := range map[string]func(*Extension){
		"":           func(*Extension) {},
		"fmc_number": func(e *Extension) { e.FMCNumber = "09011112222" },
		"fmc_trunk":  func(e *Extension) { e.FMCTrunk = "" },
		"remote":     func(e *Extension) { e.Remote = "old" },
	} {
		e := mobile
		change(&e)
		t.Run(field, func(t *testing.T) { fault{e, field}.check(t) })
	}
}
