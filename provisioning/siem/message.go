// Package siem owns how the audit log leaves for a log server: as syslog (RFC 5424) over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426), in ArcSight's
// Common Event Format or as events of the Open Cybersecurity Schema Framework. It never decides what is logged, and never changes or skips an entry.
package siem

import (
	"fmt"
	"strings"
	"time"

	"naisen/provisioning"
)

// Format is how an entry is written in the message.
type Format string

// The formats.
const (
	CEF  Format = "cef"
	OCSF Format = "ocsf"
)

// maxMessage bounds a syslog message, in octets: what receivers should be able to take (RFC 5425 section 4.3.1). An entry that is longer is sent without its detail.
const maxMessage = 8192

// facility of what is sent: log audit (RFC 5424 table 1).
const facility = 13

// Severities (RFC 5424 table 2).
const (
	warning = 4
	notice  = 5
	info    = 6
)

// writer makes messages of entries.
type writer struct {
	host, version string
	format        Format
}

// severity of an entry: what was refused or failed, and alarms, stand above what people did, and that above what happens all day.
func severity(e provisioning.AuditEntry) int {
	switch {
	case e.Outcome == "denied" || e.Outcome == "failed" || e.Action == "alarm.raised" || e.Action == "listening.break-glass":
		return warning
	case e.Kind == "admin" || e.Kind == "listening":
		return notice
	}
	return info
}

// message is one entry as RFC 5424 section 6 has it. The sequenceId is that of the log, which begins anew above 2147483647 (section 7.3.1).
func (w writer) message(e provisioning.AuditEntry) []byte {
	head := fmt.Sprintf("<%d>1 %s %s naisen - %s [meta sequenceId=\"%d\"][origin software=\"naisen\" swVersion=\"%s\"] ", facility*8+severity(e),
		e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), token(w.host, 255), token(e.Action, 32), (e.Seq-1)%2147483647+1, token(w.version, 32))
	for _, whole := range []bool{true, false} {
		text := w.text(e, whole)
		if !ascii(text) {
			text = "\xEF\xBB\xBF" + text // UTF-8 says that it is (section 6.4)
		}
		if len(head)+len(text) <= maxMessage || !whole {
			return []byte(head + text)
		}
	}
	return nil
}

func (w writer) text(e provisioning.AuditEntry, whole bool) string {
	if w.format == OCSF {
		return w.ocsf(e, whole)
	}
	return w.cef(e, whole)
}

// frame counts the octets of a message (RFC 5425 section 4.3).
func frame(message []byte) []byte { return append(fmt.Appendf(nil, "%d ", len(message)), message...) }

// token is a header's field: printable ASCII without blanks, quotes and brackets, and never empty.
func token(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' || r == ']' {
			return '_'
		}
		return r
	}, s)
	if s = s[:min(len(s), most)]; s == "" {
		return "-"
	}
	return s
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

// milliseconds since 1970.
func milliseconds(t time.Time) int64 { return t.UnixMilli() }
