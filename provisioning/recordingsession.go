package provisioning

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// RoleSIPREC marks a trunk that is no carrier but speaks of recordings (RFC 7866): a recorder that we send calls to, or another system that sends us
// what we shall record. It takes and brings no calls.
const RoleSIPREC = "siprec"

// MetadataTypes are what a document about a recording is called (RFC 9806, and RFC 7866 before it).
var MetadataTypes = []string{"application/rs-metadata+xml", "application/rs-metadata"}

// maxOutside bounds the recorders of a policy: one, and those that stand in for it.
const maxOutside = 4

// Carries says that calls from and to the outside go over the trunk.
func (t Trunk) Carries() bool { return t.Role == "" }

func (t Trunk) checkRole(c *check) {
	c.oneOf("role", t.Role, "", RoleSIPREC, RoleFMC)
	t.checkFMC(c)
	c.must(t.Carries() || t.Recording == nil, "recording", "is for trunks that carry calls of outside: record_policy, or the policies of extensions")
	c.must(t.Carries() || len(t.Prefixes) == 0, "prefixes", "must be empty: no calls to the outside go over it")
	c.must(t.Role != RoleSIPREC || t.Register == "" || t.Register == "none" || t.Register == "accept", "register", "is for carriers")
	if t.RecordPolicy != "" {
		c.name("record_policy", t.RecordPolicy)
		c.must(t.Role == RoleSIPREC, "record_policy", "is for a trunk of the role siprec")
		c.must(len(t.Sources)+len(t.TLSPeers) > 0 || t.Register == "accept", "record_policy", "needs sources or tls_peers: who sends us recordings must be known")
	}
	c.oneOf("record_metadata", t.RecordMetadata, append([]string{""}, MetadataTypes...)...)
	c.must(t.RecordMetadata == "" || t.Role == RoleSIPREC, "record_metadata", "is for a trunk of the role siprec")
}

// checkOutside: whether the trunks are there is for the store to see.
func (p RecordingPolicy) checkOutside(c *check) {
	c.list("outside", len(p.Outside), 0, maxOutside)
	c.each("outside", p.Outside, c.name)
	c.must(len(p.Outside) == 0 || p.Record.Records(), "outside", "is for a policy that records")
}

// ofRecorder are the fields of a trunk whose change is judged by what they name.
var ofRecorder = []string{"recording", "record_policy"}

// rerouted is what is loosened where a trunk that recordings go to, or come from, is changed: whatever it is, it may lead them elsewhere, or end them.
// One that policies name cannot be deleted.
func rerouted(r Reader, domain string, old, next Trunk) ([]Weakening, error) {
	if next.Name == "" || old.Name == "" {
		return nil, nil
	}
	used := old.RecordPolicy != ""
	if !used {
		all, err := List[RecordingPolicy](r, domain, "", 0)
		if err != nil {
			return nil, err
		}
		used = slices.ContainsFunc(all, func(p RecordingPolicy) bool { return slices.Contains(p.Outside, old.Name) })
	}
	if !used {
		return nil, nil
	}
	was, err := fieldsOf(old)
	if err != nil {
		return nil, err
	}
	will, err := fieldsOf(next)
	if err != nil {
		return nil, err
	}
	both := maps.Clone(was)
	maps.Copy(both, will)
	var out []Weakening
	for _, field := range slices.Sorted(maps.Keys(both)) {
		if from, to := was.get(field), will.get(field); !bytes.Equal(from, to) && !slices.Contains(ofRecorder, field) {
			out = append(out, Weakening{field, "recorder: " + field + ": " + brief(string(from)) + " to " + brief(string(to)), onePerson, ""})
		}
	}
	return out, nil
}

// brief is the begin of a value: all of it stands in the proposal's changes.
func brief(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// outsides is a policy's list of recorders for whoever agrees to it: where each leads, as it is now.
func outsides(r Reader, domain string, names []string) (string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		t, tag, err := Get[Trunk](r, domain, name)
		if err != nil {
			return "", err
		}
		out[i] = name + " (" + t.Host + ", version " + tag + ")"
	}
	return strings.Join(out, ", "), nil
}
