package main

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"naisen/provisioning"
	"naisen/provisioning/identity"
)

// IdentityConfig names the organisation's OIDC issuer. Empty: the embedded identity service.
type IdentityConfig struct {
	Issuer        string               `yaml:"issuer"`
	Local         bool                 `yaml:"local"`          // people may sign in at the embedded service beside the issuer; the break-glass account always may
	Audience      string               `yaml:"audience"`       // "naisen"
	Clients       []string             `yaml:"clients"`        // whose tokens are taken (azp, client_id); any when empty
	RequireATJWT  bool                 `yaml:"require_at_jwt"` // take only JWTs that say that they are access tokens (RFC 9068)
	UserClaim     ClaimPath            `yaml:"user_claim"`     // [sub]; one that is never given to another person
	DomainClaim   ClaimPath            `yaml:"domain_claim"`
	RolesClaim    ClaimPath            `yaml:"roles_claim"`
	Roles         map[string]string    `yaml:"roles"`         // value of the claim, as a group's name -> role
	StoreRoles    bool                 `yaml:"store_roles"`   // roles are those of the user here, and who is no user here gets in nowhere
	Attributes    map[string]ClaimPath `yaml:"attributes"`    // what else the tokens say, as of the device's posture: name -> claim
	Scope         string               `yaml:"scope"`         // that a token for REST and playback must have; "naisen". "none": the issuer's tokens have no scopes
	SIPScope      string               `yaml:"sip_scope"`     // that a phone's token must have (RFC 8898); "sip"
	Introspection *IntrospectionConfig `yaml:"introspection"` // ask the issuer about tokens
	AccessTTL     Duration             `yaml:"access_ttl"`    // of the embedded service's access tokens; 10m
	StepUp        *StepUpConfig        `yaml:"step_up"`       // how one must have signed in to listen, to approve and the like
}

// IntrospectionConfig is how the issuer is asked about tokens that are no JWTs (RFC 7662).
type IntrospectionConfig struct {
	ClientID   string   `yaml:"client_id"`
	Secret     Secret   `yaml:"client_secret"`
	Endpoint   string   `yaml:"endpoint"`    // as discovery says, on the issuer's own host, when empty
	Always     bool     `yaml:"always"`      // about JWTs too
	TTL        Duration `yaml:"ttl"`         // that an answer is believed; 10s, at most 1m
	NoAudience bool     `yaml:"no_audience"` // its answers do not say for whom a token is
}

// ClaimPath says where in a token a claim is: its name, or the names from the top, as [realm_access, roles].
type ClaimPath []string

// UnmarshalYAML reads a name or a list of names.
func (p *ClaimPath) UnmarshalYAML(b []byte) error {
	var name string
	if yaml.Unmarshal(b, &name) == nil {
		*p = nil
		if name != "" {
			*p = ClaimPath{name}
		}
		return nil
	}
	var names []string
	if err := yaml.Unmarshal(b, &names); err != nil {
		return errors.New("is the name of a claim, or the list of names that leads to it")
	}
	*p = names
	return nil
}

func (c *IdentityConfig) setDefaults() {
	set(&c.Audience, "naisen")
	if len(c.RolesClaim) == 0 {
		c.RolesClaim = ClaimPath{"roles"}
	}
	set(&c.Scope, identity.ScopeAPI)
	set(&c.SIPScope, identity.ScopeSIP)
	if c.AccessTTL == 0 {
		c.AccessTTL = Duration(10 * time.Minute)
	}
}

// Access tokens are believed without asking anybody: so long somebody keeps what was taken away. Shorter than a sign-in takes they are of no use.
const (
	minAccess = 15 * time.Second
	maxAccess = time.Hour
)

func (c *Config) validateIdentity() error {
	var errs []error
	if u, err := url.Parse(c.Identity.Issuer); c.Identity.Issuer != "" && (err != nil || u.Host == "") {
		errs = append(errs, invalid("identity.issuer", "is no URL"))
	} else if err := c.issuer().Validate(); !c.embedded() && err != nil {
		errs = append(errs, invalid("identity", "%v", err))
	}
	if n := c.Identity.Introspection; n != nil && (n.Secret.value == "" || c.embedded()) {
		errs = append(errs, invalid("identity.introspection", "needs an issuer of one's own, and client_secret"))
	}
	for value, role := range c.Identity.Roles {
		if !slices.Contains(provisioning.Roles(), provisioning.Role(role)) {
			errs = append(errs, invalid("identity.roles."+value, "is no role"))
		}
	}
	if ttl := time.Duration(c.Identity.AccessTTL); ttl < minAccess || ttl > maxAccess {
		errs = append(errs, invalid("identity.access_ttl", "is from %s to %s", minAccess, maxAccess))
	}
	return errors.Join(append(errs, c.Identity.StepUp.validate())...)
}

// embedded says that the switch is its own identity service.
func (c Config) embedded() bool { return c.Identity.Issuer == "" }

// localSignIn says whether people sign in at the embedded service: beside an outside issuer only where the configuration says so.
func (c Config) localSignIn() bool { return c.embedded() || c.Identity.Local }

// issuer is the organisation's OIDC service as data.
func (c Config) issuer() identity.Issuer {
	id := c.Identity
	m := identity.Mapping{FixedDomain: c.Domain, Roles: id.RolesClaim, Values: map[string][]provisioning.Role{}, Attributes: map[string][]string{}}
	if len(id.DomainClaim) > 0 {
		m.FixedDomain, m.Domain = "", id.DomainClaim
	}
	for value, role := range id.Roles {
		m.Values[value] = append(m.Values[value], provisioning.Role(role))
	}
	for name, path := range id.Attributes {
		m.Attributes[name] = path
	}
	m.User, m.StoreRoles = id.UserClaim, id.StoreRoles
	return identity.Issuer{URL: id.Issuer, Audience: id.Audience, Clients: id.Clients, RequireATJWT: id.RequireATJWT, Mapping: m, Scope: id.Scope,
		SIPScope: id.SIPScope, Introspection: id.Introspection.asked()}
}

func (c *IntrospectionConfig) asked() *identity.Introspection {
	if c == nil {
		return nil
	}
	return &identity.Introspection{ClientID: c.ClientID, Secret: c.Secret.now, Endpoint: c.Endpoint, Always: c.Always, TTL: time.Duration(c.TTL), NoAudience: c.NoAudience}
}
