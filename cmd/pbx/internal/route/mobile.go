package route

import (
	"time"

	"naisen/provisioning"
	"naisen/sip/number"
)

// Mobile is a telephone of an extension beyond a trunk. Only who presses 1 there has the call.
type Mobile struct {
	To      Target        // how it is called: always by a trunk
	Others  []Target      // by which trunks after that, where one fails
	After   time.Duration // how much later than the extension's other telephones it rings
	Charge  Charge        // what it costs the extension, from when it rings
	Ours    bool          // its carrier brings it into the office: it is shown who calls as a desk is, and nobody pays
	Unasked bool          // no voicemail answers there: who answers has the call at once
}

// ours is the mobile that a carrier brings as the extension; nil: there is none, it shall not ring now, or the call comes from it. Its number goes to that carrier and to no other:
// where its trunk does not carry it does not ring.
func ours(req Request, owner provisioning.Extension, s provisioning.Settings) *Mobile {
	if owner.FMCNumber == "" || !s.FMC.Rings(req.now) || owner.Remote != "" || req.Device != "" || req.Afar && req.Extension == owner.Number || len(req.Way) >= MaxHops {
		return nil
	}
	return &Mobile{To: Target{Kind: ToTrunk, Number: owner.FMCNumber, Trunk: owner.FMCTrunk, Name: owner.Display}, After: time.Duration(s.FMC.Wait()) * time.Second, Ours: true}
}

// Beyond says that a telephone rings for the target that is reached by a trunk.
func (t Target) Beyond() bool { return t.Mobile != nil || t.Ours != nil }

// mobile is that of an extension as it may ring now; nil: it has none, or may not call it. It never stands in the way of the other telephones. Who is shown
// is decided as for a call that the extension sends on: the caller where the trunk lets it, else the extension's own outside number, with the caller's
// way beside it.
func mobile(dir Directory, req Request, owner provisioning.Extension, s provisioning.Settings) *Mobile {
	if !s.Mobile.Rings(req.now) || req.Device != "" {
		return nil
	}
	return beyond(dir, req, owner, s.Mobile)
}

// beyond is how a mobile of an extension is called, whatever its hours are.
func beyond(dir Directory, req Request, owner provisioning.Extension, m *provisioning.Mobile) *Mobile {
	if m == nil || owner.Remote != "" || len(req.Way) >= MaxHops {
		return nil
	}
	n, wish := number.Japan.SplitPresentation(m.Number)
	e164, _ := number.Japan.E164(n)
	if _, own := dir.DID(req.Domain, e164); own || e164 != "" && e164 == owner.FMCNumber || e164 != "" && e164 == req.Number { // the call would come back; or it rings by its carrier, and by no other way; or it comes from there
		return nil
	}
	out := outbound(dir, Request{Domain: req.Domain, Extension: owner.Number, Dialled: n, E164: e164, Site: owner.Site, Standing: true, now: req.now}, owner, wish, Plan{})
	if out.Refuse.Status != 0 || out.Emergency || len(out.Steps) == 0 || len(out.Steps[0].Targets) == 0 {
		return nil
	}
	ways := make([]Target, len(out.Steps))
	for i, s := range out.Steps {
		way, _ := trunkOf(dir, req.Domain, s.Targets[0].Trunk)
		shown := presented(provisioning.Extension{CallerID: s.Targets[0].Caller}, way, wish)
		ways[i] = s.Targets[0]
		ways[i].Diverter = &shown
	}
	return &Mobile{To: ways[0], Others: ways[1:], After: time.Duration(m.Delay) * time.Second, Charge: out.Charge}
}
