package route

import (
	"naisen/provisioning"
	"naisen/sip/number"
)

// VerbThrough lets somebody who calls from an own mobile call on as the extension For, after its PIN.
const VerbThrough = "through"

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

// through is the plan of a number for call-through. Who calls is recognised by the number, as far as that goes: any network may claim one, so the PIN is what
// proves it. Nobody else gets as far as being asked.
func through(dir Directory, req Request, did provisioning.DID, p Plan) Plan {
	owner, ok := mobileOf(dir, req.Domain, req.Number)
	e, known := dir.Extension(req.Domain, owner)
	if req.Trunk == "" || req.Internal || !ok || !known || e.Disabled || len(req.Way) > 0 || len(p.Way) > 0 {
		return refuse(403, p.Why+": call-through is for mobiles of our people")
	}
	p.Why += ", call-through of " + e.Number
	p.Record = Record{Notice: NoticeNone} // what is called from there has its own
	p.Steps = []Step{{Run: Run{Verb: VerbThrough, Name: did.Number, For: e.Number, Language: p.Language, Data: map[string]string{Name: e.Display}}}}
	return p
}
