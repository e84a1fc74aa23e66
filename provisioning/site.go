package provisioning

import (
	"net/netip"
	"strconv"
)

// Site is a building, or a part of one: what an emergency call says of where it comes from. Trunk.Sites names the ways out.
type Site struct {
	Name            string   `json:"name"`
	Title           string   `json:"title"`
	Address         string   `json:"address" doc:"Where the ambulance goes, as people write it"`
	EmergencyNumber string   `json:"emergency_number" doc:"E.164 number that the carrier knows this address by"`
	Networks        []string `json:"networks" doc:"Addresses that the site's devices call from; stronger than the extension's site"`
	DSCP            int      `json:"dscp_rtp,omitempty" doc:"DSCP of the RTP of emergency calls from here, 1 to 63, where the trunk says none, such as 44 (RFC 5865); 0: 46 (EF)"`
	CallbackMinutes int      `json:"callback_minutes,omitempty" doc:"After an emergency call, calls back reach the device whatever is set; 0: 30"`
}

// Kind, Key: see Entity.
func (Site) Kind() string  { return KindSite }
func (s Site) Key() string { return s.Name }

// Refs of a site: none; its trunks name it.
func (Site) Refs() []Ref { return nil }

func (s Site) normal() Entity { s.Networks = list(s.Networks); return s }

// Validate: see Entity.
func (s Site) Validate() error {
	var c check
	c.name("name", s.Name)
	c.text("title", s.Title)
	c.text("address", s.Address)
	c.between("dscp_rtp", s.DSCP, 0, 63)
	c.e164("emergency_number", s.EmergencyNumber)
	c.list("networks", len(s.Networks), 0, maxList)
	c.each("networks", s.Networks, func(at, text string) {
		p, err := netip.ParsePrefix(text)
		c.must(err == nil && p == p.Masked() && p.Bits() > 0, at, "must be a CIDR such as 192.0.2.0/24 without host bits")
	})
	c.between("callback_minutes", s.CallbackMinutes, 0, 24*60)
	return c.result()
}

// refs lists what a field names.
func refs(field, kind string, keys []string) []Ref {
	var out []Ref
	for i, k := range keys {
		out = append(out, Ref{field + "[" + strconv.Itoa(i) + "]", kind, k})
	}
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }
