package provisioning

import (
	"net/netip"
	"slices"
)

// RoleFMC marks a trunk over which a carrier brings the mobiles of our people into the office as extensions, and takes calls to them. No other call goes out
// by it.
const RoleFMC = "fmc"

// FMC says that the trunk's callers are extensions: see Extension.FMCNumber.
func (t Trunk) FMC() bool { return t.Role == RoleFMC }

// IdentityHeaders are where a carrier says whose mobile calls.
var IdentityHeaders = []string{"p-asserted-identity", "remote-party-id", "from"}

// CallerIn is the header in which the carrier of an FMC trunk says whose mobile calls.
func (t Trunk) CallerIn() string {
	if t.FMCIdentity == "" {
		return IdentityHeaders[0]
	}
	return t.FMCIdentity
}

// checkFMC: whoever comes by such a trunk is one of our people, so an address alone proves nothing: anybody can write one into a datagram.
func (t Trunk) checkFMC(c *check) {
	c.must(t.FMC() || t.FMCIdentity == "", "fmc_identity", "is for a trunk of the role fmc")
	c.must(t.FMC() || !t.FMCNoVoicemail, "fmc_no_voicemail", "is for a trunk of the role fmc")
	if !t.FMC() {
		return
	}
	c.oneOf("fmc_identity", t.FMCIdentity, append([]string{""}, IdentityHeaders...)...)
	accepted := t.Register == "accept"
	c.must(len(t.TLSPeers) > 0 || len(t.Sources) > 0 || accepted, "tls_peers", "is needed by the role fmc; or sources, and username with a password")
	c.must(len(t.TLSPeers) > 0 || t.Username != "", "username", "is needed by the role fmc beside sources, with a password, where there are no tls_peers")
	c.must(t.Internal == nil, "internal", "is what the role fmc always is")
}

// Check: extensions that have their mobile by the trunk keep it; and nobody else's calls come from where its calls come from, since a call of a mobile that
// came by an ordinary trunk would show the mobile's number.
func (t Trunk) Check(r Reader, domain string) error {
	if err := t.checkMobiles(r, domain); err != nil {
		return err
	}
	all, err := List[Trunk](r, domain, "", 0)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Name == t.Name || o.FMC() == t.FMC() || !t.takesFrom(o) {
			continue
		}
		return &Invalid{Field: "sources", Reason: "are those of trunk " + o.Name + ": an fmc trunk shares none with others, or has tls_peers"}
	}
	return nil
}

// takesFrom says that a call could be of either trunk, by its address.
func (t Trunk) takesFrom(o Trunk) bool {
	if !t.brings() || !o.brings() {
		return false
	}
	return slices.ContainsFunc(t.Sources, func(a string) bool {
		return slices.ContainsFunc(o.Sources, func(b string) bool {
			p, err := netip.ParsePrefix(a)
			q, failed := netip.ParsePrefix(b)
			return err == nil && failed == nil && p.Overlaps(q)
		})
	})
}

// brings calls that are not told apart by a certificate.
func (t Trunk) brings() bool {
	return !t.Disabled && t.Role != RoleSIPREC && !(t.FMC() && len(t.TLSPeers) > 0)
}

// checkMobiles: a trunk that was of the role fmc stays it as long as extensions need it.
func (t Trunk) checkMobiles(r Reader, domain string) error {
	old, err := optional[Trunk](r, domain, t.Name)
	if err != nil || !old.FMC() || t.FMC() {
		return err
	}
	all, err := List[Extension](r, domain, "", 0)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, func(e Extension) bool { return e.FMCTrunk == t.Name }); i >= 0 {
		return &Invalid{Field: "role", Reason: "is fmc as long as extension " + all[i].Number + " has its mobile by this trunk"}
	}
	return nil
}

// checkFMC of an extension.
func (e Extension) checkFMC(c *check) {
	if e.FMCNumber == "" && e.FMCTrunk == "" {
		return
	}
	c.must(e.FMCNumber != "", "fmc_number", "is needed beside fmc_trunk")
	c.must(e.FMCTrunk != "", "fmc_trunk", "is needed beside fmc_number")
	c.e164("fmc_number", e.FMCNumber)
	c.name("fmc_trunk", e.FMCTrunk)
	c.must(e.Remote == "", "remote", "must be left out beside fmc_number")
}

// checkMobile: the number is that of one extension, and of nothing else of ours; its trunk brings mobiles.
func (e Extension) checkMobile(r Reader, domain string) error {
	if e.FMCNumber == "" {
		return nil
	}
	old, err := optional[Extension](r, domain, e.Number)
	if err != nil || old.FMCNumber == e.FMCNumber && old.FMCTrunk == e.FMCTrunk {
		return err
	}
	t, err := optional[Trunk](r, domain, e.FMCTrunk)
	switch {
	case err != nil:
		return err
	case !t.FMC():
		return &Invalid{Field: "fmc_trunk", Reason: "is no trunk of the role fmc"}
	}
	did, err := optional[DID](r, domain, e.FMCNumber)
	if err != nil {
		return err
	}
	if did.Number != "" {
		return &Invalid{Field: "fmc_number", Reason: "is an outside number of ours"}
	}
	all, err := List[Extension](r, domain, "", 0)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, func(o Extension) bool { return o.Number != e.Number && o.FMCNumber == e.FMCNumber }); i >= 0 {
		return &Invalid{Field: "fmc_number", Reason: "is that of extension " + all[i].Number}
	}
	return nil
}
