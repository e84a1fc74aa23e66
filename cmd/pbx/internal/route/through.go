package route

import (
	"naisen/provisioning"
	"naisen/sip/number"
)

// VerbThrough lets somebody who calls from an own mobile call on as the extension For, after its PIN.
const VerbThrough = "through"

// VerbCallBack rings and never answers: who calls from an own mobile and hangs up is called back there, and then it is as with VerbThrough.
const VerbCallBack = "call-back"

// Name in Run.Data is how the extension For is called.
const Name = "name"

// mobileOf is the extension whose mobile has a number; false: none has, or several have, so that nobody knows who calls.
func mobileOf(dir Directory, domain, e164 string) (extension string, ok bool) {
	if e164 == "" {
		return "", false
	}
	for of, dialled := range dir.Mobiles(domain) {
		n, _ := number.Japan.SplitPresentation(dialled)
		if its, _ := number.Japan.E164(n); its != e164 {
			continue
		}
		if ok {
			return "", false
		}
		extension, ok = of, true
	}
	return extension, ok
}

// through is the plan of a number for call-through, or for the call-back. Who calls is recognised by the number, as far as that goes: any network may claim
// one, so the PIN is what proves it. Nobody else gets as far as being asked.
func through(dir Directory, req Request, did provisioning.DID, p Plan) Plan {
	verb, what := VerbThrough, "call-through"
	if did.CallBack {
		verb, what = VerbCallBack, "call-back"
	}
	owner, ok := mobileOf(dir, req.Domain, req.Number)
	e, known := dir.Extension(req.Domain, owner)
	if req.Trunk == "" || req.Internal || !ok || !known || e.Disabled || len(req.Way) > 0 || len(p.Way) > 0 {
		return refuse(403, p.Why+": "+what+" is for mobiles of our people")
	}
	if did.CallBack { // nobody lets it ring in vain
		if back := Route(dir, CallBack(req.Domain, e), req.now); back.Refuse.Status != 0 {
			return refuse(403, p.Why+": "+back.Why)
		}
	}
	p.Why += ", " + what + " of " + e.Number
	p.Record = Record{Notice: NoticeNone} // what is called from there has its own
	p.Steps = []Step{{Run: Run{Verb: verb, Name: did.Number, For: e.Number, Language: p.Language, Data: map[string]string{Name: e.Display}}}}
	return p
}

// CallBack is the request that rings an extension's mobile and no other telephone of it.
func CallBack(domain string, e provisioning.Extension) Request {
	return Request{Domain: domain, Extension: e.Number, Number: e.Number, Display: e.Display, Dialled: e.Number, Site: e.Site, Mobile: true}
}

// toMobile is the plan of that request. A call that only a claimed number has brought about goes to ordinary numbers of the country, whatever its
// owner may call: no premium service and no network abroad earns by it.
func toMobile(dir Directory, req Request, owner provisioning.Extension, p Plan) Plan {
	t := toExtension(owner, "")
	t.Alone, t.Mobile = true, beyond(dir, req, owner, dir.Settings(req.Domain, owner.Number).Mobile)
	switch {
	case t.Mobile == nil:
		return refuse(403, "mobile of "+owner.Number+": there is none that it may call")
	case t.Mobile.Charge.Class != provisioning.ClassMobile && t.Mobile.Charge.Class != provisioning.ClassNational:
		return refuse(403, "mobile of "+owner.Number+": no call-back to class "+t.Mobile.Charge.Class)
	}
	p.Direction, p.To, p.Why = Internal, owner.Number, "mobile of "+owner.Number
	p.Steps = []Step{{Ring: defaultRing, Targets: []Target{t}}}
	return p
}
