package siem

import (
	"encoding/json"
	"net/netip"
	"strings"
	"unicode/utf16"

	"naisen/provisioning"
)

// ocsfVersion is the schema that the events are of: schema.ocsf.io.
const ocsfVersion = "1.1.0"

// The classes that are used, and what may be done in each. A class's number is its category's times 1000 and its own.
const (
	classAccountChange  = 3001 // of people: made, changed, ended, passwords
	classAuthentication = 3002 // of people, and telephones that register
	classEntity         = 3004 // what of the configuration was changed
	classAPI            = 6003 // what was done to recordings and calls
	classFinding        = 2004 // detection finding: alarms
)

const other = 99

// activity of a class by the verb of an action.
var activities = map[int]map[string]int{
	classAccountChange:  {"put": 1, "delete": 6, "secret": 4},
	classAuthentication: {"ok": 1, "session": 1, "failed": 1, "throttled": 1, "sign-in": 1, "proved": 1, "refused": 1, "register": 1, "certificate": 1, "unregister": 2},
	classEntity:         {"read": 2, "watch": 2, "report": 2, "put": 3, "secret": 3, "pin": 3, "state": 3, "activate": 3, "agree": 3, "withdraw": 3, "approve": 3, "schedule": 3, "forget": 3, "draft": 1, "delete": 4},
	classAPI: {"read": 2, "list": 2, "listen": 2, "download": 2, "export": 2, "monitor": 2, "served": 2, "hear": 2, "stored": 1, "start": 1, "ask": 1, "hold": 3, "release": 3, "retain": 3,
		"label": 3, "note": 3, "put": 3, "decide": 3, "rotate": 3, "rotated": 3, "retired": 3, "mark": 3, "pause": 3, "record": 3, "keep": 3, "destroyed": 4, "delete": 4, "hangup": 4},
	classFinding: {"raised": 1, "cleared": 3},
}

// classOf an entry.
func classOf(e provisioning.AuditEntry) int {
	noun, _, _ := strings.Cut(e.Action, ".")
	switch {
	case noun == "user":
		return classAccountChange
	case e.Kind == "sign-in", noun == "device":
		return classAuthentication
	case noun == "alarm" && e.Action != "alarm.read":
		return classFinding
	case e.Kind == "admin", e.Kind == "device":
		return classEntity
	}
	return classAPI
}

// ocsf is an entry as one line of JSON, in ASCII. Without whole the detail is left out.
func (w writer) ocsf(e provisioning.AuditEntry, whole bool) string {
	class := classOf(e)
	verb := e.Action[strings.LastIndexByte(e.Action, '.')+1:]
	activity, ok := activities[class][verb]
	if !ok {
		activity = other
	}
	status, said := 1, "Success"
	if e.Outcome == "denied" || e.Outcome == "failed" {
		status, said = 2, "Failure"
	}
	event := map[string]any{
		"class_uid": class, "category_uid": class / 1000, "activity_id": activity, "type_uid": class*100 + activity, "activity_name": e.Action,
		"severity_id": map[int]int{warning: 3, notice: 1, info: 1}[severity(e)], "time": milliseconds(e.Time), "status_id": status, "status": said, "status_code": e.Outcome,
		"metadata": map[string]any{"version": ocsfVersion, "uid": e.Seq, "event_code": e.Action, "log_name": "audit", "tenant_uid": e.Domain,
			"product": map[string]any{"name": "pbx", "vendor_name": "Naisen", "version": w.version}},
		"actor": w.actor(e), "src_endpoint": w.source(e),
	}
	if e.Reason != "" {
		event["status_detail"] = e.Reason
	}
	w.ofClass(event, class, e)
	more := map[string]any{"kind": e.Kind, "rule": e.Rule, "client": e.Client, "object": e.Object}
	if whole && len(e.Detail) > 0 {
		more["detail"] = e.Detail
	} else if len(e.Detail) > 0 {
		more["detail_left_out"] = "too long"
	}
	event["unmapped"] = more
	text, err := json.Marshal(event)
	if err != nil { // a detail is facts only: it has been JSON before
		return "{}"
	}
	return asciiJSON(string(text))
}

// actor is who did it: a person, or the switch.
func (w writer) actor(e provisioning.AuditEntry) map[string]any {
	a := map[string]any{"user": w.user(e.Subject)}
	if e.Session != "" {
		a["session"] = map[string]any{"uid": e.Session}
	}
	return a
}

func (w writer) user(name string) map[string]any {
	typ := 1 // user
	if name == "system" {
		typ = 3
	}
	return map[string]any{"name": name, "type_id": typ}
}

// source is where it came from; what the switch did came from itself.
func (w writer) source(e provisioning.AuditEntry) map[string]any {
	if _, err := netip.ParseAddr(e.Source); err == nil {
		return map[string]any{"ip": e.Source}
	}
	if e.Source != "" { // a network
		return map[string]any{"name": e.Source}
	}
	return map[string]any{"hostname": w.host}
}

// ofClass adds what a class wants beside.
func (w writer) ofClass(event map[string]any, class int, e provisioning.AuditEntry) {
	name := e.Object[strings.IndexByte(e.Object, '/')+1:]
	switch class {
	case classAuthentication:
		event["user"], event["service"] = w.user(name), map[string]any{"name": "naisen"}
		event["is_remote"] = true
	case classAccountChange:
		event["user"] = w.user(name)
	case classEntity:
		noun, _, _ := strings.Cut(e.Action, ".")
		event["entity"] = map[string]any{"name": e.Object, "type": noun}
		if e.Reason != "" {
			event["comment"] = e.Reason
		}
	case classFinding:
		event["finding_info"] = map[string]any{"title": e.Object, "uid": e.Object + "/" + e.Domain}
	default:
		event["api"] = map[string]any{"operation": e.Action}
		event["resources"] = []any{map[string]any{"name": e.Object}}
	}
}

// asciiJSON writes what is no ASCII as JSON can, so that the message needs no byte order mark before its brace.
func asciiJSON(s string) string {
	if ascii(s) {
		return s
	}
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, r := range s {
		if r < 128 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u` + string([]byte{hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15]}))
		}
	}
	return b.String()
}
