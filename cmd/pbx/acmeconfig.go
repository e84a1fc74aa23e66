package main

import (
	"encoding/base64"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
)

// ACMEConfig says which authority certificates are got from without anybody's hands (RFC 8555).
type ACMEConfig struct {
	Directory string   `yaml:"directory"` // its URL; empty: certificates are files that somebody renews, or made here
	Names     []string `yaml:"names"`     // host names that lead here, all in one certificate; no other is ever asked for
	Listen    string   `yaml:"listen"`    // where port 80 of the names leads (http-01); empty: port 443 leads to http.listen (tls-alpn-01)
	Contact   string   `yaml:"contact"`   // mail address for the authority
	Terms     bool     `yaml:"accept_terms"`
	CA        string   `yaml:"ca"`     // PEM file: who vouches for the directory; whom this machine trusts when empty
	KeyID     string   `yaml:"key_id"` // of an account that the authority has on paper (external account binding)
	Key       Secret   `yaml:"key"`    // which goes with it, in base64url
}

const (
	acmeName    = "acme.pem" // key and chain in one file, so that they are never parted
	mostNames   = 100
	longestName = 253
)

// hostName is a DNS name as one asks a certificate for: no wildcard, which would need a proof by DNS (RFC 8555 section 7.1.3).
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)

func (c Config) acmePath() string { return c.path(certsName, acmeName) }

// setACMEDefaults has every listener that names no certificate use that of the authority. HTTP on loopback stays as it is: something stands before it.
func (c *Config) setACMEDefaults() {
	if c.ACME.Directory == "" {
		return
	}
	if c.SIP.Certificate == "" && c.SIP.Key == "" {
		c.SIP.Certificate, c.SIP.Key = c.acmePath(), c.acmePath()
	}
	listen, err := netip.ParseAddrPort(c.HTTP.Listen)
	if err == nil && !listen.Addr().IsLoopback() && c.HTTP.Certificate == "" && c.HTTP.Key == "" {
		c.HTTP.Certificate, c.HTTP.Key = c.acmePath(), c.acmePath()
	}
}

func (c Config) validateACME() error {
	a := c.ACME
	if a.Directory == "" {
		if len(a.Names) > 0 || a.Listen != "" || a.KeyID != "" {
			return invalid("acme.directory", "is missing")
		}
		return nil
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return invalid("acme.directory", "is no https URL")
	}
	if len(a.Names) == 0 || len(a.Names) > mostNames {
		return invalid("acme.names", "has from 1 to %d host names", mostNames)
	}
	for i, name := range a.Names {
		if len(name) > longestName || !hostName.MatchString(name) || slices.Contains(a.Names[:i], name) {
			return invalid("acme.names", "%q is no host name in small letters, or is given twice", name)
		}
	}
	if !a.Terms {
		return invalid("acme.accept_terms", "is true once somebody has read the authority's terms")
	}
	if a.Listen != "" {
		if _, err := netip.ParseAddrPort(a.Listen); err != nil {
			return invalid("acme.listen", "is no address:port")
		}
	} else if c.HTTP.Certificate == "" {
		return invalid("acme.listen", "is missing: http.listen has no TLS in which the names could be proved")
	}
	if a.Contact != "" {
		if at, err := mail.ParseAddress(a.Contact); err != nil || at.Address != a.Contact {
			return invalid("acme.contact", "is no mail address")
		}
	}
	if _, err := base64.RawURLEncoding.DecodeString(a.Key.value); err != nil || (a.KeyID == "") != (a.Key.value == "") {
		return invalid("acme.key", "goes with acme.key_id, in base64url without padding")
	}
	return nil
}
