package provisioning

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Webhook is where the switch tells of events, by signed POST.
type Webhook struct {
	Name string `json:"name"`
	// URL is https to a public host; where the operator allows it for tests, http to a loopback address.
	URL string `json:"url" doc:"Told by POST of JSON {id, event, domain, time, data}. Header Naisen-Signature is t=UNIX,v1=HEX: HMAC-SHA256 with the webhook's key over UNIX, a dot and the body"`
	// Events: "alarm.raised", or a prefix that ends with a dot: "alarm."; empty: all.
	Events   []string `json:"events" doc:"Names, or prefixes that end with a dot; empty: all"`
	Disabled bool     `json:"disabled"`
}

// Events that webhooks are told of.
const (
	EventAlarmRaised  = "alarm.raised"
	EventAlarmCleared = "alarm.cleared"
)

// SecretWebhook is the kind of a webhook's signing key; key: Webhook.Name.
const SecretWebhook = "webhook"

func (Webhook) Kind() string  { return KindWebhook }
func (w Webhook) Key() string { return w.Name }
func (Webhook) Refs() []Ref   { return nil }

func (w Webhook) normal() Entity { w.Events = list(w.Events); return w }

// Wants tells whether the webhook is told of an event.
func (w Webhook) Wants(event string) bool {
	return !w.Disabled && (len(w.Events) == 0 || slices.ContainsFunc(w.Events, func(e string) bool {
		return e == event || strings.HasSuffix(e, ".") && strings.HasPrefix(event, e)
	}))
}

// Loopback says that the URL is of this machine, which only an operator's explicit option allows.
func (w Webhook) Loopback() bool {
	u, err := url.Parse(w.URL)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.Unmap().IsLoopback()
}

// Validate: see Entity. What a name resolves to is checked again at each connection.
func (w Webhook) Validate() error {
	var c check
	c.name("name", w.Name)
	c.must(len(w.URL) <= 512, "url", "is longer than 512 characters")
	if c.err == nil {
		checkWebhookURL(&c, w)
	}
	c.list("events", len(w.Events), 0, maxList)
	c.each("events", w.Events, func(at, s string) { c.oneOf(at, s, "alarm.", EventAlarmRaised, EventAlarmCleared) })
	return c.result()
}

func checkWebhookURL(c *check, w Webhook) {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" || strings.ContainsFunc(w.URL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.fail("url", "must be https://host/path, without user, password or fragment")
		return
	}
	if w.Loopback() {
		c.must(u.Scheme == "http" || u.Scheme == "https", "url", "must begin with http:// or https://")
		return
	}
	c.must(u.Scheme == "https", "url", "must begin with https://")
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if a, err := netip.ParseAddr(host); err == nil {
		c.must(PublicAddress(a), "url", "is an address of an internal network")
		return
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	// 2130706433, 0177.1 and 0x7f.1 are addresses to some resolvers, and no top-level domain is or begins with a number (RFC 3696 section 2).
	c.must(hostName(host) && strings.Contains(host, ".") && !strings.Contains(digits, last[:min(1, len(last))]), "url", "must name a public host")
	c.must(!slices.Contains([]string{"localhost", "local", "internal", "lan", "arpa", "home", "corp", "intranet", "test", "invalid"}, last),
		"url", "is a name of an internal network")
}

// internalNetworks are what net/netip does not call private, and no webhook may reach: RFC 6890, and the ways to write IPv4 inside IPv6.
var internalNetworks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
}

// PublicAddress tells whether an address is of the internet: not this machine, not a private or special network, and nothing that hides one.
func PublicAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(internalNetworks, func(p netip.Prefix) bool { return p.Contains(a) })
}
