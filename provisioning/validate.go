package provisioning

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a stranger may send. Lengths are runes.
const (
	maxTitle   = 128
	maxName    = 64
	maxTargets = 32
	maxList    = 64
)

// check collects the first fault; later checks are skipped.
type check struct{ err *Invalid }

func (c *check) fail(field, reason string) {
	if c.err == nil {
		c.err = &Invalid{Field: field, Reason: reason}
	}
}

func (c *check) must(ok bool, field, reason string) {
	if !ok {
		c.fail(field, reason)
	}
}

func (c *check) result() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

// text is for people: any printable text, no line breaks (G15: it ends in SIP headers and CSV).
func (c *check) text(field, s string) {
	c.must(utf8.ValidString(s), field, "is not valid UTF-8")
	c.must(utf8.RuneCountInString(s) <= maxTitle, field, "is longer than "+strconv.Itoa(maxTitle)+" characters")
	c.must(!strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	}), field, "holds a control character")
}

func (c *check) oneOf(field, s string, allowed ...string) {
	c.must(slices.Contains(allowed, s), field, "must be one of "+strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}

func (c *check) between(field string, n, low, high int) {
	c.must(n >= low && n <= high, field, "must be "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
}

// name is a key chosen by an administrator.
func (c *check) name(field, s string) {
	c.must(s != "" && len(s) <= maxName && only(s, "abcdefghijklmnopqrstuvwxyz0123456789._+@-") && isAlnum(s[0]), field,
		"must be 1 to 64 of a-z 0-9 . _ + @ -, beginning with a letter or digit")
}

func (c *check) e164(field, s string) {
	c.must(len(s) >= 6 && len(s) <= 16 && s[0] == '+' && s[1] != '0' && only(s[1:], digits), field,
		"must be an E.164 number: + and 5 to 15 digits")
}

func (c *check) list(field string, n, low, high int) {
	c.must(n >= low && n <= high, field, "must have "+strconv.Itoa(low)+" to "+strconv.Itoa(high)+" entries")
}

// each checks the entries of a list and refuses doubles. After a fault, such as a list too long, it does nothing.
func (c *check) each(field string, list []string, f func(field, s string)) {
	for i, s := range list {
		if c.err != nil {
			return
		}
		at := field + "[" + strconv.Itoa(i) + "]"
		f(at, s)
		c.must(!slices.Contains(list[:i], s), at, "is there twice")
	}
}

const digits = "0123456789"

func only(s, set string) bool { return strings.Trim(s, set) == "" }

func isAlnum(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }

// hostName is a lower-case DNS name or IPv4 literal (RFC 1123 section 2.1).
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || !only(label, "abcdefghijklmnopqrstuvwxyz0123456789-") ||
			label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// hostPort is host, host:port, [v6] or [v6]:port.
func hostPort(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		var ok bool
		host, port, ok = strings.Cut(s[1:], "]")
		a, err := netip.ParseAddr(host)
		if !ok || err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
		if port == "" {
			return true
		}
		if port[0] != ':' {
			return false
		}
		port = port[1:]
	} else {
		var has bool
		host, port, has = strings.Cut(s, ":")
		if !hostName(host) {
			return false
		}
		if !has {
			return true
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && only(port, digits)
}

// Validate: see Entity.
func (d Domain) Validate() error {
	var c check
	c.must(hostName(d.Name) && len(d.Name) <= 100, "name", "must be a lower-case host name of at most 100 characters") // it names files
	c.text("title", d.Title)
	c.oneOf("language", d.Language, "", "ja", "en")
	c.must(len(d.CountryCode) <= 3 && only(d.CountryCode, digits) && !strings.HasPrefix(d.CountryCode, "0"), "country_code",
		"must be at most 3 digits, not beginning with 0")
	d.Rights.check(&c, "rights")
	d.Recording.check(&c, "recording")
	d.Remote.check(&c)
	d.Limits.check(&c, "limits")
	d.ExtensionLimits.check(&c, "extension_limits")
	checkTariffs(&c, d.Tariffs)
	c.list("pauses", len(d.Pauses), 0, 9)
	c.each("pauses", d.Pauses, func(at, s string) {
		c.text(at, s)
		c.must(s != "", at, "is empty")
	})
	return c.result()
}

// Validate: see Entity.
func (u User) Validate() error {
	var c check
	c.name("name", u.Name)
	c.text("display", u.Display)
	c.text("department", u.Department)
	c.list("roles", len(u.Roles), 0, len(Roles()))
	for i, r := range u.Roles {
		if c.err != nil {
			break
		}
		at := "roles[" + strconv.Itoa(i) + "]"
		c.must(slices.Contains(Roles(), r), at, "is no role")
		c.must(!slices.Contains(u.Roles[:i], r), at, "is there twice")
	}
	c.delegated(u.Delegated)
	u.Contract.check(&c, u)
	return c.result()
}

// Roles is every role that a user can have.
func Roles() []Role {
	return []Role{RoleAdmin, RoleTelephony, RoleListener, RoleAuditor, RoleStaff, RoleSupervisor, RoleManager, RoleBreakGlass}
}

var mediaModes = []string{"", "srtp-required", "srtp-preferred", "srtp-forbidden", "dtls-required"}

func extensionNumber(c *check, field, s string) {
	c.must(s != "" && len(s) <= 10 && only(s, digits), field, "must be 1 to 10 digits")
}

// srtpSuites are those that the switch knows, as a=crypto names them (RFC 4568, RFC 6188, RFC 7714).
var srtpSuites = []string{"AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_32"}

// checkSuites looks at a list of SRTP suites.
func checkSuites(c *check, list []string) {
	c.list("srtp_suites", len(list), 0, len(srtpSuites))
	c.each("srtp_suites", list, func(at, s string) { c.oneOf(at, s, srtpSuites...) })
}

// Validate: see Entity.
func (e Extension) Validate() error {
	var c check
	insideNumber(&c, "number", e.Number)
	c.text("display", e.Display)
	c.text("reading", e.Reading)
	c.must(kana(e.Reading), "reading", "must be written in kana")
	c.text("department", e.Department)
	if e.User != "" {
		c.name("user", e.User)
	}
	c.between("max_contacts", e.MaxContacts, 0, 32)
	c.oneOf("media", e.Media, mediaModes...)
	checkSuites(&c, e.Suites)
	if e.Record != "" {
		c.name("record", e.Record)
	}
	if e.CallerID != "" {
		c.e164("caller_id", e.CallerID)
	}
	if e.Site != "" {
		c.name("site", e.Site)
	}
	if e.Pickup != "" {
		c.name("pickup", e.Pickup)
	}
	if e.Remote != "" {
		c.name("remote", e.Remote)
	}
	e.checkFMC(&c)
	c.must(e.Certificate == "" || len(e.Certificate) <= 253 && hostPort(e.Certificate) && !strings.Contains(e.Certificate, ":"),
		"certificate", "must be a host name")
	e.HotDesk.check(&c, "hot_desk")
	e.Recording.check(&c, "recording")
	if e.Restriction != "" {
		c.name("restriction", e.Restriction)
		c.must(e.Rights == nil, "rights", "must be left out beside restriction")
	}
	e.Rights.check(&c, "rights")
	e.Limits.check(&c, "limits")
	return c.result()
}

// Validate: see Entity.
func (d DID) Validate() error {
	var c check
	c.e164("number", d.Number)
	c.text("title", d.Title)
	c.text("department", d.Department)
	least := 1
	if d.Conference != "" {
		extensionNumber(&c, "conference", d.Conference)
		c.must(len(d.To) == 0, "to", "must be empty beside conference")
		c.must(d.Group == "", "group", "must be empty beside conference")
		least = 0
	}
	if d.Group != "" {
		extensionNumber(&c, "group", d.Group)
		c.must(len(d.To) == 0, "to", "must be empty beside group")
		least = 0
	}
	if d.Menu != "" {
		c.name("menu", d.Menu)
		c.must(d.Conference == "" && d.Group == "", "menu", "must be empty beside conference and group")
		c.must(len(d.To) == 0, "to", "must be empty where a menu is heard")
		least = 0
	}
	if d.Queue != "" {
		extensionNumber(&c, "queue", d.Queue)
		c.must(d.Conference == "" && d.Group == "" && d.Menu == "", "queue", "must be empty beside conference, group and menu")
		c.must(len(d.To) == 0, "to", "must be empty beside queue")
		least = 0
	}
	if d.CallThrough || d.CallBack || d.Voicemail != "" || d.Messages {
		d.checkAlone(&c)
		least = 0
	}
	c.list("to", len(d.To), least, maxTargets)
	c.each("to", d.To, func(at, s string) { extensionNumber(&c, at, s) })
	c.between("ring_seconds", d.RingSeconds, 0, 600)
	d.Closing.check(&c)
	if field, out := d.Closing.outside(); out {
		c.must(d.Payer != "", "payer", "must name the extension that answers for the outside number of "+field)
	}
	if d.Payer != "" {
		extensionNumber(&c, "payer", d.Payer)
	}
	if d.Policy != "" {
		c.name("policy", d.Policy)
	}
	c.oneOf("language", d.Language, "", "ja", "en")
	return c.result()
}

// checkAlone: a mailbox, the hearing of messages, call-through and the call-back have their number for themselves.
func (d DID) checkAlone(c *check) {
	if d.CallThrough || d.CallBack {
		field := "call_through"
		if d.CallBack {
			field = "call_back"
			c.must(!d.CallThrough, field, "must be left out beside call_through")
		}
		c.must(d.Conference == "" && d.Group == "" && d.Menu == "" && d.Queue == "" && d.Voicemail == "" && !d.Messages, field, "must be left out beside conference, group, menu, queue, voicemail and messages")
		c.must(len(d.To) == 0, "to", "must be empty beside "+field)
	}
	if d.Voicemail != "" || d.Messages {
		field := "voicemail"
		if d.Messages {
			field = "messages"
			c.must(d.Voicemail == "", field, "must be left out beside voicemail")
		} else {
			extensionNumber(c, field, d.Voicemail)
		}
		c.must(d.Conference == "" && d.Group == "" && d.Menu == "" && d.Queue == "", field, "must be empty beside conference, group, menu and queue")
		c.must(len(d.To) == 0, "to", "must be empty beside "+field)
	}
}

// How long a recording may be paused, in seconds.
const (
	minPause   = 10
	usualPause = 300
	maxPause   = 3600
)

// Validate: see Entity.
func (p RecordingPolicy) Validate() error {
	var c check
	c.name("name", p.Name)
	c.oneOf("record", string(p.Record), "", string(RecordAlways), string(RecordOnDemand), string(RecordNever))
	c.oneOf("label", string(p.Label), "", string(LabelRestricted), string(LabelInternal), string(LabelPublic))
	c.must(!p.PreBuffer || p.Record == RecordOnDemand, "pre_buffer", "is for on_demand only")
	c.must(p.PauseSeconds == 0 || p.PauseSeconds >= minPause && p.PauseSeconds <= maxPause, "pause_seconds", "must be 0, or 10 to 3600")
	c.oneOf("notice", p.Notice, "", "early-media", "after-answer", "none")
	c.recordingNotice("prompt", p.Prompt)
	c.oneOf("notice_outbound", p.NoticeOutbound, "", "outbound", "none")
	c.recordingNotice("prompt_outbound", p.PromptOutbound)
	p.Refusal.check(&c)
	p.checkException(&c)
	c.oneOf("on_failure", p.OnFailure, "", "continue", "refuse")
	c.between("retention_days", p.RetentionDays, 0, 36500)
	c.oneOf("media", p.Media, "", "srtp-required", "srtp-preferred", "srtp-forbidden")
	c.between("dscp_rtp", p.DSCP, 0, 63)
	p.checkOutside(&c)
	return c.result()
}
