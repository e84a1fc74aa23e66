package route

import (
	"slices"
	"strings"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/number"
)

// showing routes a call for which the caller chose a number to show: by its place among those that it may show, or by that number as it is
// dialled, and then whom to call. A call for help shows its site all the same, and inside everybody shows the extension.
func showing(dir Directory, req Request, caller provisioning.Extension, argument string) Plan {
	chosen, rest := choice(mayShow(dir, req, caller), argument)
	if chosen == "" || rest == "" {
		return notShown(req, caller.Number+" may not show what it chose")
	}
	now := req.now
	req.Dialled, req.Device, req.Shows = rest, "", chosen
	req.E164, _ = number.Japan.E164(rest)
	p := Route(dir, req, now)
	p.Why = "shows " + chosen + ", " + p.Why
	return p
}

// choice takes the chosen number off what was dialled. Places are 1 to 9, and numbers begin with 0, so that nothing can be read in two ways.
func choice(list []string, dialled string) (chosen, rest string) {
	if dialled == "" {
		return "", ""
	}
	if i := int(dialled[0] - '1'); i < len(list) { // 0 is far beyond
		return list[i], dialled[1:]
	}
	for _, n := range list {
		if rest, ok := strings.CutPrefix(dialled, number.Japan.National(n)); ok {
			return n, rest
		}
	}
	return "", ""
}

func mayShow(dir Directory, req Request, caller provisioning.Extension) []string {
	d, _ := dir.Department(req.Domain, caller.Department)
	return provisioning.CallerNumbers(caller, d)
}

// callerNumber is what an outside call shows: what was chosen for it, or by default, or the extension's own.
func callerNumber(dir Directory, req Request, caller provisioning.Extension) string {
	if req.Shows != "" {
		return req.Shows
	}
	return DefaultNumber(dir, req.Domain, caller)
}

// DefaultNumber is what the outside knows an extension by when it chose nothing: what its owner settled on, as long as that is allowed, or its own.
func DefaultNumber(dir Showing, domain string, e provisioning.Extension) string {
	d, _ := dir.Department(domain, e.Department)
	if n := dir.Settings(domain, e.Number).CallerID; slices.Contains(provisioning.CallerNumbers(e, d), n) {
		return n
	}
	return e.CallerID
}

// Showing is what tells which numbers an extension shows.
type Showing interface {
	Department(domain, name string) (provisioning.Department, bool)
	Settings(domain, extension string) provisioning.Settings
}

// shownBy are the ways on which a number is shown: another trunk would show its own in place of it.
func shownBy(ways []provisioning.Trunk, n string) (out []provisioning.Trunk) {
	for _, t := range ways {
		if t.Shows(n) {
			out = append(out, t)
		}
	}
	return out
}

func notShown(req Request, why string) Plan {
	return Plan{Refuse: sip.CauseForbidden, Say: "restriction/caller-number", Direction: Outbound, To: req.Dialled, Why: why}
}
