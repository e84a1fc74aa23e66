package provisioning

import "testing"

// A recorder is a trunk that carries no calls; who sends us recordings must be known, and what becomes of them said.
func TestRecordersValidate(t *testing.T) {
	trunk := Trunk{Name: "sbc", Host: "192.0.2.7", Transport: "udp", Role: RoleSIPREC}
	for _, c := range []struct {
		what, field string // of the complaint; empty: none
		change      func(*Trunk)
	}{
		{"a recorder", "", func(*Trunk) {}},
		{"a client by address", "", func(t *Trunk) { t.Sources, t.RecordPolicy = []string{"192.0.2.7/32"}, "taken" }},
		{"a client by certificate", "", func(t *Trunk) {
			t.Transport, t.TLSPeers, t.RecordPolicy = "tls", []string{"sbc.example.jp"}, "taken"
		}},
		{"a client that registers", "", func(t *Trunk) { t.Register, t.Username, t.RecordPolicy = "accept", "sbc", "taken" }},
		{"an old recorder", "", func(t *Trunk) { t.RecordMetadata = "application/rs-metadata" }},
		{"a client from anywhere", "record_policy", func(t *Trunk) { t.RecordPolicy = "taken" }},
		{"a carrier that sends recordings", "record_policy", func(t *Trunk) { t.Role, t.Sources, t.RecordPolicy = "", []string{"192.0.2.7/32"}, "taken" }},
		{"a carrier with metadata", "record_metadata", func(t *Trunk) { t.Role, t.RecordMetadata = "", "application/rs-metadata" }},
		{"unknown metadata", "record_metadata", func(t *Trunk) { t.RecordMetadata = "text/plain" }},
		{"unknown role", "role", func(t *Trunk) { t.Role = "fax" }},
		{"calls over a recorder", "prefixes", func(t *Trunk) { t.Prefixes = []string{"0"} }},
		{"a recorder that we register with", "register", func(t *Trunk) { t.Register = "single" }},
	} {
		tr := trunk
		c.change(&tr)
		t.Run(c.what, func(t *testing.T) { fault{tr, c.field}.check(t) })
	}
	policy := RecordingPolicy{Name: "p", Record: RecordAlways, Outside: []string{"sbc"}}
	fault{policy, ""}.check(t)
	if r := policy.Refs(); len(r) != 1 || r[0].Kind != KindTrunk || r[0].Key != "sbc" {
		t.Errorf("%+v", r)
	}
	policy.Record = RecordNever
	fault{policy, "outside"}.check(t)
	policy.Record, policy.Outside = RecordOnDemand, []string{"a", "b", "c", "d", "e"}
	fault{policy, "outside"}.check(t)
}
