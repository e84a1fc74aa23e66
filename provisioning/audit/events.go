package audit

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"naisen/provisioning"
)

// Kind says by what an auditor asks for an event.
type Kind string

// The kinds of events.
const (
	KindAdmin     Kind = "admin"     // who changed what of the configuration, and who was refused it
	KindSignIn    Kind = "sign-in"   // of people and telephones: success, refusal, guesses
	KindCall      Kind = "call"      // calls that ended, were refused or went to help, and what people ordered of them
	KindRecording Kind = "recording" // what became of recordings, their keys and their retention
	KindListening Kind = "listening" // who heard, took away or wanted to hear what
	KindDevice    Kind = "device"    // telephones: from where they register, and what was given to them
	KindSystem    Kind = "system"    // what the switch says of itself: alarms, and the log's own export and archive
)

// Kinds is all of them.
func Kinds() []Kind {
	return []Kind{KindAdmin, KindSignIn, KindCall, KindRecording, KindListening, KindDevice, KindSystem}
}

// changes are the verbs of the store for every entity; of those that nouns does not name they are the administration's.
const changes = "put delete"

// crud are the verbs of what is read and changed by REST; each change is also what the store calls it.
const crud = "read " + changes

// nouns is the table of events: the part of an action before its first dot, the kind of its events, and what may follow. An action that is the exception of its noun
// stands in exceptions. What is in neither is no event: a test reads all of the program for it.
var nouns = map[string]struct {
	kind  Kind
	verbs string
}{
	// People, roles and rules.
	"domain": {KindAdmin, crud}, "user": {KindAdmin, crud + " secret"}, "role": {KindAdmin, "read"}, "secret": {KindAdmin, changes},
	"department": {KindAdmin, crud}, "site": {KindAdmin, crud}, "policy": {KindAdmin, crud}, "site-policy": {KindAdmin, crud}, "phone": {KindDevice, "register"}, "proposal": {KindAdmin, crud + " agree withdraw"},
	"supervision": {KindAdmin, crud}, "recording-scope": {KindAdmin, crud}, "listening-rules": {KindAdmin, crud},
	"lifecycle-rules": {KindAdmin, crud}, "provisioner": {KindAdmin, crud + " secret"},
	"access-review": {KindAdmin, crud + " answer"},
	"access":        {KindAdmin, "end"},
	"approval":      {KindAdmin, "accepted" + " begun" + " tampered"},
	"change-rules":  {KindAdmin, crud},
	"duties":        {KindAdmin, crud},
	"change":        {KindAdmin, crud + " agree" + " review" + " what-if" + " withdraw"},
	// Telephony.
	"extension": {KindAdmin, crud + " secret pin"}, "settings": {KindAdmin, crud}, "group": {KindAdmin, crud}, "did": {KindAdmin, crud},
	"trunk": {KindAdmin, crud + " secret"}, "conference": {KindAdmin, crud + " secret"}, "paging-group": {KindAdmin, crud}, "parking-lot": {KindAdmin, crud},
	"queue": {KindAdmin, crud + " watch report"}, "agent": {KindAdmin, crud + " state"}, "call-back": {KindAdmin, crud}, "menu": {KindAdmin, crud + " activate"},
	"calendar": {KindAdmin, crud}, "rejection": {KindAdmin, crud}, "restriction": {KindAdmin, crud}, "short-numbers": {KindAdmin, crud},
	"feature-codes": {KindAdmin, crud}, "contact": {KindAdmin, crud}, "directory": {KindAdmin, "read"}, "directory-account": {KindAdmin, crud + " secret"},
	"prompt": {KindAdmin, crud}, "notice": {KindAdmin, crud + " approve draft hear schedule"}, "webhook": {KindAdmin, crud + " secret"}, "mailbox": {KindAdmin, crud + " secret forget"},
	"file": {KindAdmin, "exported imported"}, "live": {KindAdmin, "read"}, "limit": {KindAdmin, "read"},
	"sign-in": {KindSignIn, "ok session failed throttled device break-glass"}, "session": {KindSignIn, "read end end-all"}, "factor": {KindSignIn, "added removed reset"},
	"emergency-sign-in": {KindSignIn, crud + " review"}, "sip": {KindSignIn, "sign-in"}, "pin": {KindSignIn, "proved"}, "token": {KindSignIn, "refused"},
	"call": {KindCall, "read trace hangup start move ended denied emergency dial" + " rights-lost called-back"}, "recall": {KindCall, "read delete"}, "cdr": {KindCall, "read"}, "history": {KindCall, "read"},
	"recording":     {KindRecording, "list stored destroyed keeping hold release retain label note remarks"},
	"recording-key": {KindRecording, "read rotate rotated retired"}, "disposal": {KindRecording, "read approve"}, "message": {KindRecording, "read mark delete"},
	"listening": {KindListening, "read ask decide withdraw review break-glass"}, "listening-request": {KindListening, changes},
	"device": {KindDevice, crud + " register unregister certificate" + " particulars put-particulars state claim rotate resync refused wanted issue"}, "device-status": {KindDevice, changes},
	"firmware": {KindDevice, crud + " upload rollout wave halted done"}, "firmware-status": {KindDevice, changes},
	"binding": {KindDevice, "read"}, "hot-desk": {KindDevice, crud}, "relay": {KindDevice, "grant"},
	"softphone": {KindDevice, "read claim claimed end"}, "softphones": {KindDevice, changes},
	"alarm": {KindSystem, "read raised cleared"}, "audit": {KindSystem, "read verify delete report archived"},
	"backup": {KindSystem, "made failed keys restored drilled"},
}

// exceptions are actions of another kind than others of their noun.
var exceptions = map[string]Kind{
	"call.record": KindRecording, "call.keep": KindRecording, "call.pause": KindRecording,
	"call.monitor": KindListening, "call.monitor.ended": KindListening,
	"recording.listen": KindListening, "recording.listen.served": KindListening, "recording.download": KindListening, "recording.download.served": KindListening,
	"recording.export": KindListening, "recording.export.served": KindListening, "recording.list.served": KindListening, "message.listen": KindListening,
}

// Known says that an action is in the table of events.
func Known(action string) bool {
	if _, ok := exceptions[action]; ok {
		return true
	}
	noun, verb, _ := strings.Cut(action, ".")
	n, ok := nouns[noun]
	if !ok && slices.ContainsFunc(provisioning.Entities(), func(e provisioning.Entity) bool { return e.Kind() == noun }) {
		n.verbs = changes
	}
	return slices.Contains(strings.Fields(n.verbs), verb)
}

// KindOf an action. One that nobody listed is counted among changes, where most people look: to lose an event for its name would be worse.
func KindOf(action string) Kind {
	if k, ok := exceptions[action]; ok {
		return k
	}
	noun, _, _ := strings.Cut(action, ".")
	if n, ok := nouns[noun]; ok {
		return n.kind
	}
	return KindAdmin
}

// Events is every action of the table, with its kind.
func Events() map[string]Kind {
	out := maps.Clone(exceptions)
	for _, e := range provisioning.Entities() {
		for _, verb := range strings.Fields(changes) {
			out[e.Kind()+"."+verb] = KindOf(e.Kind() + "." + verb)
		}
	}
	for noun, n := range nouns {
		for _, verb := range strings.Fields(n.verbs) {
			out[noun+"."+verb] = n.kind
		}
	}
	return out
}

// Lift brings what a writer put into the detail, though an entry has a field for it, into that field. A client that is an address is where it came from.
func Lift(e provisioning.AuditEntry) provisioning.AuditEntry {
	fields := []struct {
		name string
		to   *string
	}{{"rule", &e.Rule}, {"source", &e.Source}, {"client", &e.Client}, {"session", &e.Session}, {"reason", &e.Reason}}
	detail := e.Detail
	for _, f := range fields {
		said, ok := detail[f.name].(string)
		if !ok || *f.to != "" {
			continue
		}
		if _, err := netip.ParseAddr(said); f.name == "client" && err == nil {
			if e.Source != "" {
				continue
			}
			f.to = &e.Source
		}
		*f.to = said
		if len(detail) == len(e.Detail) {
			e.Detail = maps.Clone(e.Detail)
		}
		delete(e.Detail, f.name)
	}
	if len(e.Detail) == 0 {
		e.Detail = nil
	}
	return e
}
