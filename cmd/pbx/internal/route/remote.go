package route

import "naisen/provisioning"

// Remote says whether a telephone stands outside the premises: in none of the networks of the domain's sites, where there are any.
type Remote int

// Values of Remote.
const (
	OnPremises Remote = iota // or nobody knows
	RemoteDesk               // help that it calls is sent as ever
	RemoteSoft               // a softphone, of which nobody knows where it is
)

// sayRemote is heard by who may call a number at a desk only.
const sayRemote = "restriction/remote"

// remote asks the class of remote work about what the extension's own rights open. It is not asked about numbers inside, and never about help.
func (v *Verdict) remote(dir Directory, d provisioning.Domain, who Judged, reading string) {
	if !who.Remote || d.Remote == nil || d.Remote.Restriction == "" || v.Class == provisioning.ClassInternal || v.Class == provisioning.ClassEmergency {
		return
	}
	class, ok := dir.Restriction(who.Domain, d.Remote.Restriction)
	calendar, _ := dir.Calendar(who.Domain, class.Calendar)
	open := Open{class: class, of: "class " + d.Remote.Restriction + " of remote work"}
	if open.Rights, open.mode = class.At(calendar, who.At); open.mode != provisioning.ModeDay {
		open.of += " in " + open.mode + " mode"
	}
	switch own := open.judge(reading, who.PIN); {
	case !ok:
		v.Denied, v.Rule, v.Say = true, open.of+" is not there", sayRemote
	case own.Denied:
		v.Denied, v.ByPIN, v.Rule, v.Say = true, own.ByPIN, own.Rule, sayRemote
		if own.ByPIN {
			v.Say = sayNeedsPIN
		}
	}
}
