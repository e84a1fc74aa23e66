package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
)

// StepUpConfig says how somebody must have signed in for what is delicate (RFC 9470). Where it is missing, a token is enough, whatever it came by:
// so the embedded service works without a second factor. Where it is given, even empty, each class of policy.Classes asks for the age of stepUpAges
// at most, and for what stands here.
type StepUpConfig struct {
	ACR     []string               `yaml:"acr"` // of every class that names none; one of them
	AMR     []string               `yaml:"amr"` // likewise
	Classes map[string]StepUpClass `yaml:"classes"`
}

// StepUpClass is what one class asks instead.
type StepUpClass struct {
	ACR    []string `yaml:"acr"`
	AMR    []string `yaml:"amr"`
	MaxAge Duration `yaml:"max_age"` // since the sign-in
	Off    bool     `yaml:"off"`     // a token is enough
}

// stepUpAges are the ages that somebody can work with: listening is work of half a day, the rest is done and over.
var stepUpAges = map[policy.Class]time.Duration{
	policy.ClassListening: 4 * time.Hour, policy.ClassPolicy: time.Hour, policy.ClassApprovals: time.Hour, policy.ClassKeys: 15 * time.Minute, policy.ClassBreakGlass: 15 * time.Minute,
}

// stepUp asks the sign-in of a subject for the class of an action. The zero value asks nothing.
type stepUp struct {
	classes map[policy.Class]identity.Requirement
	clock   func() time.Time
}

func (c Config) stepUp(clock func() time.Time) stepUp {
	return stepUp{c.Identity.StepUp.classes(), clock}
}

// check says nil or an *identity.Error.
func (u stepUp) check(s provisioning.Subject, a provisioning.Action) error {
	r, asked := u.classes[policy.ClassOf(a)]
	if !asked {
		return nil
	}
	return r.Check(s, u.clock())
}

// classes is what each class asks; nil for a nil configuration.
func (c *StepUpConfig) classes() map[policy.Class]identity.Requirement {
	if c == nil {
		return nil
	}
	out := map[policy.Class]identity.Requirement{}
	for _, class := range policy.Classes() {
		own := c.Classes[string(class)]
		if own.Off {
			continue
		}
		r := identity.Requirement{ACR: c.ACR, AMR: c.AMR, MaxAge: stepUpAges[class]}
		if len(own.ACR) > 0 {
			r.ACR = own.ACR
		}
		if len(own.AMR) > 0 {
			r.AMR = own.AMR
		}
		if own.MaxAge != 0 {
			r.MaxAge = time.Duration(own.MaxAge)
		}
		out[class] = r
	}
	return out
}

func (c *StepUpConfig) validate() error {
	if c == nil {
		return nil
	}
	var errs []error
	for name := range c.Classes {
		if !slices.Contains(policy.Classes(), policy.Class(name)) {
			errs = append(errs, invalid("identity.step_up.classes."+name, "is none of %v", policy.Classes()))
		}
	}
	for class, r := range c.classes() {
		if err := r.Validate(); err != nil {
			errs = append(errs, invalid(fmt.Sprintf("identity.step_up (%s)", class), "%v", err))
		}
	}
	return errors.Join(errs...)
}
