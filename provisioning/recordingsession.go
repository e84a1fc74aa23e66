package provisioning

// RoleSIPREC marks a trunk that is no carrier but speaks of recordings (RFC 7866): a recorder that we send calls to, or another system that sends us
// what we shall record. It takes and brings no calls.
const RoleSIPREC = "siprec"

// MetadataTypes are what a document about a recording is called (RFC 9806, and RFC 7866 before it).
var MetadataTypes = []string{"application/rs-metadata+xml", "application/rs-metadata"}

// maxOutside bounds the recorders of a policy: one, and those that stand in for it.
const maxOutside = 4

// Carries says that calls go over the trunk.
func (t Trunk) Carries() bool { return t.Role == "" }

func (t Trunk) checkRole(c *check) {
	c.oneOf("role", t.Role, "", RoleSIPREC)
	c.must(t.Carries() || t.Recording == nil, "recording", "is for trunks that carry calls: record_policy")
	c.must(t.Carries() || len(t.Prefixes) == 0, "prefixes", "must be empty: no calls go over a recorder")
	c.must(t.Carries() || t.Register == "" || t.Register == "none" || t.Register == "accept", "register", "is for carriers")
	if t.RecordPolicy != "" {
		c.name("record_policy", t.RecordPolicy)
		c.must(!t.Carries(), "record_policy", "is for a trunk of the role siprec")
		c.must(len(t.Sources)+len(t.TLSPeers) > 0 || t.Register == "accept", "record_policy", "needs sources or tls_peers: who sends us recordings must be known")
	}
	c.oneOf("record_metadata", t.RecordMetadata, append([]string{""}, MetadataTypes...)...)
	c.must(t.RecordMetadata == "" || !t.Carries(), "record_metadata", "is for a trunk of the role siprec")
}

// checkOutside: whether the trunks are there is for the store to see.
func (p RecordingPolicy) checkOutside(c *check) {
	c.list("outside", len(p.Outside), 0, maxOutside)
	c.each("outside", p.Outside, c.name)
	c.must(len(p.Outside) == 0 || p.Record.Records(), "outside", "is for a policy that records")
}
