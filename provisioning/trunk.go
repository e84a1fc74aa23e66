package provisioning

import (
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"strings"
)

// Trunk is a carrier, or another telephone system. Profile names a set of defaults (sip/trunk has the table); a field that is left out takes
// the profile's value, so that a new carrier is a few lines and a strange one is data.
type Trunk struct {
	Name      string   `json:"name"`
	Profile   string   `json:"profile,omitempty" doc:"Defaults: digest, ip, ngn, teams, legacy-pbx, gin or fmc; empty: nothing is assumed"`
	Host      string   `json:"host"`               // where calls are sent: host, host:port
	Hosts     []string `json:"hosts,omitempty"`    // more points, tried in order after Host, as Teams' sip2 and sip3
	Transport string   `json:"transport"`          // "udp", "tcp", "tls"
	Sources   []string `json:"sources"`            // CIDRs from which its calls are accepted without digest
	Username  string   `json:"username,omitempty"` // digest towards the carrier
	Realm     string   `json:"realm,omitempty"`    // the only one whose challenge is answered; empty: Host
	HasSecret bool     `json:"has_secret" readOnly:"true"`
	Prefixes  []string `json:"prefixes"` // dialled prefixes that go out here, longest match wins; stripped digits by Strip
	Strip     int      `json:"strip"`
	Media     string   `json:"media"`
	DIDFrom   []string `json:"did_from"` // where the called number stands, in order: "p-called-party-id", "request-uri", "to"
	CallerID  string   `json:"caller_id,omitempty"`
	EvenPorts bool     `json:"even_ports"`
	Disabled  bool     `json:"disabled"`

	Recording *Directions `json:"recording,omitempty" doc:"Recording policies of calls that come or go by it; internal: from another telephone system of the same organisation"`

	// Numbers and identity.
	NumberFormat    string   `json:"number_format,omitempty" doc:"+e164, e164 or national"`
	UserPhone       *bool    `json:"user_phone,omitempty" doc:"Write user=phone"`
	Trusted         *bool    `json:"trusted,omitempty" doc:"Its P-Asserted-Identity is believed (RFC 3325)"`
	Identity        string   `json:"identity,omitempty" doc:"Identity header sent: none, asserted or preferred"`
	FromHost        string   `json:"from_host,omitempty" doc:"Host of From and of the identity header"`
	CallerRanges    []string `json:"caller_ranges,omitempty" doc:"Numbers that may be presented, X is any digit: +8131234XXXX; none: all"`
	ForwardedCaller *bool    `json:"forwarded_caller,omitempty" doc:"A forwarded call may show the original caller"`
	CallerName      *bool    `json:"caller_name,omitempty" doc:"A display name goes out with the number"`
	Connected       *bool    `json:"connected,omitempty" doc:"It is told who answered, and whom it talks with after a transfer (RFC 4916)"`
	DivertHeader    string   `json:"divert_header,omitempty" doc:"Of a forwarded call: diversion, history-info, both or none"`
	Internal        *bool    `json:"internal,omitempty" doc:"Its callers may dial extensions: a telephone system of the same organisation"`

	// Signalling.
	ContactHost     string   `json:"contact_host,omitempty" doc:"Host name in Contact and Via, as in our certificate"`
	SourcePort      int      `json:"source_port,omitempty" doc:"Local port that requests must leave from"`
	CompactHeaders  *bool    `json:"compact_headers,omitempty" doc:"Short header names (RFC 3261 section 7.3.3)"`
	SessionExpires  int      `json:"session_expires,omitempty" doc:"Seconds asked for (RFC 4028); -1: no session timer"`
	MinSE           int      `json:"min_se,omitempty" doc:"Smallest session interval accepted, seconds"`
	Refresher       string   `json:"session_refresher,omitempty" doc:"uac or uas"`
	Reliable        string   `json:"reliable_provisional,omitempty" doc:"100rel (RFC 3262): off, supported or required"`
	Refer           *bool    `json:"refer,omitempty" doc:"REFER is taken from it"`
	Replaces        *bool    `json:"replaces,omitempty" doc:"Requests to it may carry Replaces"`
	OptionsSeconds  int      `json:"options_seconds,omitempty" doc:"Interval of health checks by OPTIONS; -1: none"`
	Register        string   `json:"register,omitempty" doc:"none; single or bulk (RFC 6140): we register with it; accept: it registers with us, as username"`
	RegisterSeconds int      `json:"register_seconds,omitempty" doc:"Registration lifetime asked for"`
	Account         string   `json:"account,omitempty" doc:"User part of the address that is registered; empty: username"`
	TLSName         string   `json:"tls_name,omitempty" doc:"Name that the carrier's certificate must have, and SNI; empty: the host"`
	TLSPeers        []string `json:"tls_peers,omitempty" doc:"Certificate names by which its incoming TLS connections are known"`
	TLSTrust        string   `json:"tls_trust,omitempty" doc:"Roots as PEM; empty: the system's"`
	TLSClient       *bool    `json:"tls_client_certificate,omitempty" doc:"Show our own certificate to the carrier"`
	TLSServerAuth   *bool    `json:"tls_server_auth_only,omitempty" doc:"A peer certificate with the server purpose only is accepted from it as a client"`

	// Media.
	Codecs     []string `json:"codecs,omitempty" doc:"Allowed, best first: PCMU, PCMA, G722"`
	Suites     []string `json:"srtp_suites,omitempty" doc:"SRTP suites with keys in SDP that it may use, best first, as of an extension; none: all"`
	PTime      int      `json:"ptime,omitempty" doc:"Milliseconds per packet"`
	DSCPSIP    *int     `json:"dscp_sip,omitempty" doc:"DSCP of SIP packets, 0 to 63"`
	DSCPRTP    *int     `json:"dscp_rtp,omitempty" doc:"DSCP of RTP packets, 0 to 63"`
	EarlyMedia string   `json:"early_media,omitempty" doc:"allow, or after-answer: notices are played after the answer"`

	// Choice among trunks.
	Priority          int      `json:"priority,omitempty" doc:"Lower is tried first, among trunks of the same prefix"`
	Weight            int      `json:"weight,omitempty" doc:"Share among trunks of the same priority; 0: 1"`
	MaxCalls          int      `json:"max_calls,omitempty" doc:"Channels; 0: no limit"`
	CallsPerSecond    float64  `json:"calls_per_second,omitempty" doc:"Pacing of new calls; 0: no limit"`
	Sites             []string `json:"sites,omitempty" doc:"Sites whose calls may go out here; none: all"`
	EmergencyAnywhere bool     `json:"emergency_anywhere,omitempty" doc:"Emergency calls of other sites may overflow to it: the location stays right"`

	// Mobiles that are extensions.
	FMCIdentity    string `json:"fmc_identity,omitempty" doc:"Header in which the carrier says whose mobile calls: p-asserted-identity (default), remote-party-id or from. What stands in another one is not looked at"`
	FMCNoVoicemail bool   `json:"fmc_no_voicemail,omitempty" doc:"The carrier's own voicemail never answers a call that goes by this trunk: nobody has to press 1 there. Left out: it might, and no office call is left to it"`

	// Recording sessions (RFC 7866).
	Role           string `json:"role,omitempty" doc:"siprec: no carrier, but a recorder that recording policies name, or a system that sends us calls to record; it takes and brings no calls. fmc: a carrier's network of mobiles that are extensions (fmc_number of an extension); no other calls go by it"`
	RecordPolicy   string `json:"record_policy,omitempty" doc:"Recording policy of what it sends us to record, and, of a number of ours in it that has its own, the least that it is kept by; empty: it may send nothing"`
	RecordMetadata string `json:"record_metadata,omitempty" doc:"Media type of the metadata that we send: application/rs-metadata+xml (default), or application/rs-metadata for recorders of before RFC 9806"`
}

// TrunkProfiles are the names that sip/trunk has tables for.
var TrunkProfiles = []string{"digest", "ip", "ngn", "teams", "legacy-pbx", "gin", "fmc"}

func (t Trunk) normal() Entity {
	t.HasSecret = false // stands beside, see decode
	t.Sources, t.Prefixes, t.DIDFrom = list(t.Sources), list(t.Prefixes), list(t.DIDFrom)
	return t
}

// Refs of a trunk: the sites that it serves, and its recording policies.
func (t Trunk) Refs() []Ref {
	out := append(refs("sites", KindSite, t.Sites), t.Recording.refs("recording")...)
	if t.RecordPolicy != "" {
		out = append(out, Ref{"record_policy", KindPolicy, t.RecordPolicy})
	}
	return out
}

// Validate: see Entity.
func (t Trunk) Validate() error {
	var c check
	c.name("name", t.Name)
	c.oneOf("profile", t.Profile, append([]string{""}, TrunkProfiles...)...)
	c.must(len(t.Host) <= 260 && hostPort(t.Host), "host", "must be a host name or address, with :port if need be")
	c.list("hosts", len(t.Hosts), 0, 8)
	c.each("hosts", t.Hosts, func(at, s string) {
		c.must(len(s) <= 260 && hostPort(s), at, "must be a host name or address, with :port if need be")
	})
	t.Recording.check(&c, "recording")
	c.oneOf("transport", t.Transport, "", "udp", "tcp", "tls")
	c.list("sources", len(t.Sources), 0, maxList)
	c.each("sources", t.Sources, c.sources)
	c.text("username", t.Username)
	c.text("realm", t.Realm)
	c.must(!strings.ContainsAny(t.Realm, `"\\`), "realm", "holds a quote or backslash")
	c.must(!strings.ContainsAny(t.Username, `"\:`), "username", "holds a quote, backslash or colon")
	c.list("prefixes", len(t.Prefixes), 0, maxList)
	c.each("prefixes", t.Prefixes, func(at, s string) {
		c.must(s != "" && len(s) <= 24 && only(s, digits+"+*#"), at, "must be 1 to 24 of 0-9 + * #")
	})
	c.between("strip", t.Strip, 0, 24)
	c.oneOf("media", t.Media, mediaModes...)
	t.checkNumbers(&c)
	t.checkSignalling(&c)
	t.checkTLS(&c)
	t.checkMedia(&c)
	t.checkChoice(&c)
	t.checkRole(&c)
	return c.result()
}

// sources: a carrier is not the whole internet: its calls come in without digest.
func (c *check) sources(at, s string) {
	p, err := netip.ParsePrefix(s)
	c.must(err == nil && p == p.Masked(), at, "must be a CIDR such as 192.0.2.0/24 without host bits")
	least := 8
	if p.Addr().Is6() {
		least = 29 // what a registry gives to a large carrier; 2000::/8 is most of the internet
	}
	c.must(err != nil || p.Bits() >= least, at, "is wider than /"+itoa(least))
}

func (t Trunk) checkNumbers(c *check) {
	c.list("did_from", len(t.DIDFrom), 0, 3)
	c.each("did_from", t.DIDFrom, func(at, s string) { c.oneOf(at, s, "p-called-party-id", "request-uri", "to") })
	if t.CallerID != "" {
		c.e164("caller_id", t.CallerID)
	}
	c.oneOf("number_format", t.NumberFormat, "", "+e164", "e164", "national")
	c.oneOf("identity", t.Identity, "", "none", "asserted", "preferred")
	c.must(t.FromHost == "" || len(t.FromHost) <= 260 && hostPort(t.FromHost), "from_host", "must be a host name or address")
	c.list("caller_ranges", len(t.CallerRanges), 0, maxList)
	c.each("caller_ranges", t.CallerRanges, func(at, s string) {
		c.must(len(s) >= 6 && len(s) <= 16 && s[0] == '+' && s[1] != '0' && s[1] != 'X' && only(s[1:], digits+"X"), at,
			"must be an E.164 number in which X stands for any digit")
	})
	if t.CallerID != "" && len(t.CallerRanges) > 0 {
		c.must(InRanges(t.CallerRanges, t.CallerID), "caller_id", "is outside caller_ranges")
	}
	c.oneOf("divert_header", t.DivertHeader, "", "diversion", "history-info", "both", "none")
}

// InRanges tells whether a number fits one of the patterns of Trunk.CallerRanges.
func InRanges(ranges []string, number string) bool {
	for _, pattern := range ranges {
		if fits(pattern, number) {
			return true
		}
	}
	return false
}

func fits(pattern, number string) bool {
	if len(pattern) != len(number) {
		return false
	}
	for i := range len(number) {
		digit := pattern[i] == 'X' && number[i] >= '0' && number[i] <= '9'
		if !digit && (pattern[i] != number[i] || number[i] == 'X') {
			return false
		}
	}
	return true
}

func (t Trunk) checkSignalling(c *check) {
	c.must(t.ContactHost == "" || hostName(t.ContactHost), "contact_host", "must be a lower-case host name")
	c.between("source_port", t.SourcePort, 0, 65535)
	c.must(t.SessionExpires == -1 || t.SessionExpires == 0 || t.SessionExpires >= 90 && t.SessionExpires <= 86400, "session_expires",
		"must be 90 to 86400 seconds, or -1 for none") // RFC 4028 section 4: 90 s is the least
	c.must(t.MinSE == 0 || t.MinSE >= 90 && t.MinSE <= 3600, "min_se", "must be 90 to 3600 seconds")
	c.must(t.SessionExpires <= 0 || t.MinSE <= t.SessionExpires, "min_se", "is more than session_expires")
	c.oneOf("session_refresher", t.Refresher, "", "uac", "uas")
	c.oneOf("reliable_provisional", t.Reliable, "", "off", "supported", "required")
	c.must(t.OptionsSeconds == -1 || t.OptionsSeconds == 0 || t.OptionsSeconds >= 10 && t.OptionsSeconds <= 3600, "options_seconds",
		"must be 10 to 3600, or -1 for none")
	c.oneOf("register", t.Register, "", "none", "single", "bulk", "accept")
	c.must(t.Register != "accept" || t.Username != "", "username", "is what the other system signs in with")
	c.must(t.RegisterSeconds == 0 || t.RegisterSeconds >= 60 && t.RegisterSeconds <= 86400, "register_seconds", "must be 60 to 86400")
	c.must(len(t.Account) <= maxName && !strings.ContainsFunc(t.Account, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\<>@:;,?`, r) }),
		"account", "must be at most 64 characters that may stand in a SIP user part")
}

func (t Trunk) checkTLS(c *check) {
	c.must(t.TLSName == "" || hostName(t.TLSName), "tls_name", "must be a lower-case host name")
	c.list("tls_peers", len(t.TLSPeers), 0, 16)
	c.each("tls_peers", t.TLSPeers, func(at, s string) {
		c.must(hostName(strings.TrimPrefix(s, "*.")) && strings.Contains(strings.TrimPrefix(s, "*."), "."), at, "must be a host name; *. may stand for one label")
	})
	if t.TLSTrust != "" {
		c.must(len(t.TLSTrust) <= 16<<10, "tls_trust", "is longer than 16 KiB")
		c.must(roots(t.TLSTrust), "tls_trust", "must be certificates as PEM and nothing else")
	}
}

// roots tells whether text is one PEM certificate or more, and nothing else: no key ends here by mistake.
func roots(text string) bool {
	rest, n := []byte(text), 0
	for len(strings.TrimSpace(string(rest))) > 0 {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return false
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return false
		}
		n++
	}
	return n > 0
}

func (t Trunk) checkMedia(c *check) {
	c.list("codecs", len(t.Codecs), 0, 8)
	c.each("codecs", t.Codecs, func(at, s string) { c.oneOf(at, s, "PCMU", "PCMA", "G722") })
	checkSuites(c, t.Suites)
	c.must(t.PTime == 0 || t.PTime == 20, "ptime", "must be 20") // what the relay makes today
	if t.DSCPSIP != nil {
		c.between("dscp_sip", *t.DSCPSIP, 0, 63)
	}
	if t.DSCPRTP != nil {
		c.between("dscp_rtp", *t.DSCPRTP, 0, 63)
	}
	c.oneOf("early_media", t.EarlyMedia, "", "allow", "after-answer")
}

func (t Trunk) checkChoice(c *check) {
	c.between("priority", t.Priority, 0, 1000)
	c.between("weight", t.Weight, 0, 1000)
	c.between("max_calls", t.MaxCalls, 0, 100_000)
	c.must(t.CallsPerSecond >= 0 && t.CallsPerSecond <= 10_000, "calls_per_second", "must be 0 to 10000")
	c.list("sites", len(t.Sites), 0, maxList)
	c.each("sites", t.Sites, c.name)
}
