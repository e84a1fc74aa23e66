package route

import (
	"cmp"
	"strings"

	"naisen/provisioning"
	"naisen/sip"
)

// Verbs of scripts.
const (
	VerbAnnounce   = "announce"   // says the prompt Name and ends the call with Cause
	VerbFeature    = "feature"    // does for the extension For what Name, a feature of provisioning, says; Data: Argument
	VerbConference = "conference" // lets the caller into the room Name
	VerbMenu       = "menu"       // leads the caller through the menu Name
)

// Argument in Run.Data is what was dialled behind a code.
const Argument = "argument"

// Telephone in Run.Data is the extension of the telephone at which the code was dialled.
const Telephone = "desk"

// Run hands a call to a script instead of ringing anybody: an announcement, a mailbox, a menu, a queue. It is plain data: which script a
// verb means, and what it does, is not routing's business.
type Run struct {
	Verb     string            // which script; empty: none
	Name     string            // what it works on: a prompt, a mailbox, a menu, a queue, a slot
	For      string            // the extension whose rights judge where the script sends the call; empty: the calling one's
	Language string            // of what is spoken; empty: the plan's
	Cause    sip.Cause         // what the caller is told at the end; zero: the script knows
	Data     map[string]string // whatever else the verb needs; never changed
}

// String names the script in logs and records: "voicemail:2001".
func (r Run) String() string {
	if r.Verb == "" || r.Name == "" {
		return r.Verb
	}
	return r.Verb + ":" + r.Name
}

// ForSomebody says that the script acts for whoever dialled it, by that one's rights: nobody else may go on with it.
func (r Run) ForSomebody() bool { return r.Verb == VerbFeature || r.For != "" }

// Announce is the plan that tells the caller why it is not connected, and then ends the call with that cause.
func Announce(p Plan, prompt string, cause sip.Cause) Plan {
	p.Refuse, p.Record = sip.Cause{}, Record{Notice: NoticeNone}
	p.Steps = []Step{{Run: Run{Verb: VerbAnnounce, Name: prompt, Cause: cause}}}
	return p
}

// featured lets a script do what a code asks for, for the extension that dialled it.
func featured(dir Directory, req Request, caller provisioning.Extension, feature, argument string, p Plan) Plan {
	switch feature {
	case provisioning.FeaturePickup, provisioning.FeaturePickupOf:
		return refuse(480, "nobody is sent to pick up another's call")
	case provisioning.FeatureMove:
		return refuse(480, "nobody is sent to go on with another's call")
	}
	if feature == provisioning.FeatureIntercom {
		return intercom(dir, req, caller, argument, p)
	}
	if provisioning.AtOwnTelephone(feature) && !req.Own { // whoever is sent there would press the keys
		return refuse(403, feature+": nobody is sent there")
	}
	if provisioning.SendsOut(feature) && dir.Settings(req.Domain, caller.Number).Locked { // a forward would lead out of a locked telephone
		return Plan{Refuse: sip.CauseForbidden, Say: sayLocked, Direction: Internal, To: req.Dialled, Why: "the telephone of " + caller.Number + " is locked"}
	}
	if provisioning.Confides(feature) { // what is dialled behind it may be a secret by mistake
		p.To, p.Confided = req.Dialled[:strings.LastIndex(req.Dialled, argument)], true
	}
	data := map[string]string{Argument: argument}
	switch desk := cmp.Or(req.Desk, caller.Number); feature {
	case provisioning.FeatureDeskIn:
		data[Telephone] = desk
	case provisioning.FeatureDeskOut:
		data[Argument] = desk
	}
	p.Direction, p.Why, p.Record = Internal, "feature "+feature, Record{Notice: NoticeNone}
	p.Steps = []Step{{Run: Run{Verb: VerbFeature, Name: feature, For: caller.Number, Data: data}}}
	return p
}
