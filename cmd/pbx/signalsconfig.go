package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/signals"
)

// SignalsConfig says who may tell us that sessions, devices and accounts are over, and what that does.
type SignalsConfig struct {
	Recheck      Duration                `yaml:"recheck"` // how often the rights of calls under way are asked again; 10m
	Window       Duration                `yaml:"window"`  // how old an event may be when it arrives; 24h
	Effects      map[string]EffectConfig `yaml:"effects"` // by kind of event
	Transmitters []TransmitterConfig     `yaml:"transmitters"`
	Logout       LogoutConfig            `yaml:"logout"`
}

// EffectConfig says what an event of a kind does beside ending tokens and what goes on with them.
type EffectConfig struct {
	Calls  string `yaml:"calls"`  // "continue", "end" or "notice": told why, then ended
	Phones bool   `yaml:"phones"` // registrations by password or certificate end too, and have to be proved anew
}

// TransmitterConfig is a transmitter of OpenID Shared Signals.
type TransmitterConfig struct {
	Name     string            `yaml:"name"`     // in the path that it pushes to: http.url/signals/push/NAME
	Issuer   string            `yaml:"issuer"`   // exactly its iss
	Audience []string          `yaml:"audience"` // what it calls us
	JWKS     string            `yaml:"jwks"`     // URL of its keys; by its ssf-configuration when empty
	Token    Secret            `yaml:"token"`    // that it shows when it pushes
	Poll     PollConfig        `yaml:"poll"`
	Users    map[string]string `yaml:"users"`    // format of a subject -> "user" or "local"; iss_sub: user, email: local, account: local
	Hosts    []string          `yaml:"hosts"`    // behind the @ of an address whose local part is a user's name
	Subjects string            `yaml:"subjects"` // issuer whose sub, sid and jti it names; identity.issuer when empty
	Sessions bool              `yaml:"sessions"` // access tokens of that issuer have a sid
	Domain   string            `yaml:"domain"`   // of its users; domain when empty
}

// PollConfig says where events are fetched.
type PollConfig struct {
	URL   string   `yaml:"url"`
	Token Secret   `yaml:"token"`
	Every Duration `yaml:"every"` // 10s
}

// LogoutConfig lets identity.issuer sign people out by back channel: http.url/signals/logout.
type LogoutConfig struct {
	Audience []string          `yaml:"audience"` // our client IDs there; nobody is signed out when empty
	Users    map[string]string `yaml:"users"`
	Hosts    []string          `yaml:"hosts"`
	Sessions bool              `yaml:"sessions"`
}

const (
	leastRecheck = 10 * time.Second
	mostWindow   = 7 * 24 * time.Hour
)

func (c *SignalsConfig) setDefaults(domain string) {
	if c.Recheck == 0 {
		c.Recheck = Duration(10 * time.Minute)
	}
	if c.Window == 0 {
		c.Window = Duration(24 * time.Hour)
	}
	for i := range c.Transmitters {
		set(&c.Transmitters[i].Domain, domain)
		if c.Transmitters[i].Users == nil {
			c.Transmitters[i].Users = signals.DefaultUsers()
		}
	}
	if c.Logout.Users == nil {
		c.Logout.Users = signals.DefaultUsers()
	}
}

func (c *SignalsConfig) validate(embedded bool) error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if time.Duration(c.Recheck) < leastRecheck {
		add(invalid("signals.recheck", "is at least %s", leastRecheck))
	}
	if w := time.Duration(c.Window); w < time.Minute || w > mostWindow {
		add(invalid("signals.window", "is from %s to %s", time.Minute, mostWindow))
	}
	for _, kind := range slices.Sorted(maps.Keys(c.Effects)) {
		if _, known := defaultEffects[kind]; !known {
			add(invalid("signals.effects."+kind, "is one of %s", strings.Join(slices.Sorted(maps.Keys(defaultEffects)), ", ")))
		}
		if !slices.Contains([]provisioning.Fate{provisioning.FateContinue, provisioning.FateEnd, provisioning.FateNotice}, provisioning.Fate(c.Effects[kind].Calls)) {
			add(invalid("signals.effects."+kind+".calls", `is "continue", "end" or "notice"`))
		}
	}
	names := map[string]bool{}
	for i := range c.Transmitters {
		t := &c.Transmitters[i]
		add(t.validate(fmt.Sprintf("signals.transmitters[%d]", i), names[t.Name], embedded))
		names[t.Name] = true
	}
	if len(c.Logout.Audience) > 0 && embedded {
		add(invalid("signals.logout", "needs identity.issuer: our own service ends its sessions by itself"))
	}
	if err := (signals.Rules{Users: c.Logout.Users}).Validate(); err != nil {
		add(invalid("signals.logout.users", "%v", err))
	}
	return errors.Join(errs...)
}

func (t *TransmitterConfig) validate(key string, twice, embedded bool) error {
	plain := t.Name != "" && len(t.Name) <= 64 && strings.Trim(t.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	switch {
	case !plain || twice:
		return invalid(key+".name", "is a name of its own, of a-z, 0-9 and -")
	case !webAddress(t.Issuer):
		return invalid(key+".issuer", "is no https URL")
	case t.JWKS != "" && !webAddress(t.JWKS):
		return invalid(key+".jwks", "is no https URL")
	case len(t.Audience) == 0:
		return invalid(key+".audience", "says what the transmitter calls us")
	case t.Token.value == "" && t.Poll.URL == "":
		return invalid(key, "has a token that the transmitter shows, or poll.url")
	case t.Token.value != "" && len(t.Token.value) < 16:
		return invalid(key+".token", "has 16 characters or more")
	case t.Poll.URL != "" && !webAddress(t.Poll.URL):
		return invalid(key+".poll.url", "is no https URL")
	case t.Poll.Every < 0:
		return invalid(key+".poll.every", "is negative")
	case t.Subjects != "" && !webAddress(t.Subjects):
		return invalid(key+".subjects", "is no https URL")
	}
	if err := (signals.Rules{Users: t.Users}).Validate(); err != nil {
		return invalid(key+".users", "%v", err)
	}
	return nil
}

// webAddress is https, or http on loopback. A query may be part of a place to poll.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}
