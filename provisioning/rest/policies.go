package rest

import (
	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerPolicies: what loosens one waits for others, as everywhere: see proposals.go.
func (a *api) registerPolicies() {
	policies := resource[provisioning.RecordingPolicy]{plural: "recording-policies", one: "recording-policy", read: policy.PolicyRead,
		put: policy.PolicyPut, del: policy.PolicyDelete, setKey: func(p *provisioning.RecordingPolicy, k string) { p.Name = k }}
	entities(a, policies)
	putPlain(a, policies)
}
