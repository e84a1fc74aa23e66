package rest

import (
	"strings"
	"testing"
)

// TestFMC: a mobile is one extension's, by a trunk that brings mobiles, which shares its addresses with no other and stays what it is as long as it is needed.
func TestFMC(t *testing.T) {
	const carrier = `"host":"192.0.2.60","transport":"udp","sources":["192.0.2.60/32"],"prefixes":[],"media":"srtp-forbidden","did_from":[],"strip":0`
	const mobiles = `{"role":"fmc","profile":"fmc","username":"network",` + carrier + `}`
	r := desk(t, map[string]string{
		"/trunks/mobiles":   mobiles,
		"/trunks/line":      strings.ReplaceAll(`{`+carrier+`}`, "192.0.2.60", "192.0.2.61"),
		"/dids/+8190111133": `{"to":["2003"]}`,
	})
	if p := r.do(t, admin, "PUT", base+"/extensions/2101", `{"display":"a","fmc_number":"+819011112222","fmc_trunk":"mobiles"}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	r.refuses(t, []refused{
		{"/extensions/2102", `{"display":"b","fmc_number":"+819011112222","fmc_trunk":"mobiles"}`, "fmc_number", "is that of extension 2101"},
		{"/extensions/2102", `{"display":"b","fmc_number":"+8190111133","fmc_trunk":"mobiles"}`, "fmc_number", "is an outside number of ours"},
		{"/extensions/2102", `{"display":"b","fmc_number":"+819011114444","fmc_trunk":"line"}`, "fmc_trunk", "is no trunk of the role fmc"},
		{"/extensions/2102", `{"display":"b","fmc_number":"+819011114444","fmc_trunk":"nobody"}`, "fmc_trunk", "does not exist"},
		{"/settings/2003", `{"fmc":{"delay_seconds":60}}`, "fmc.delay_seconds", "must be 0 to 59"},
		{"/settings/2003", `{"fmc":{"hours":[{"days":["mon"],"from":"25:00","to":"26:00"}]}}`, "fmc.hours[0].from", "must be a time"},
		{"/trunks/mobiles", `{` + carrier + `}`, "role", "is fmc as long as extension 2101 has its mobile by this trunk"},
		{"/trunks/other", `{` + carrier + `}`, "sources", "are those of trunk mobiles"},
		{"/trunks/more", strings.ReplaceAll(mobiles, "192.0.2.60/32", "192.0.2.0/24"), "sources", "are those of trunk line"},
		{"/trunks/weak", `{"role":"fmc",` + carrier + `}`, "username", "is needed by the role fmc beside sources"},
	})
	if p := r.do(t, admin, "DELETE", base+"/trunks/mobiles", ""); p.status != 409 {
		t.Errorf("a trunk that mobiles need is deleted: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/extensions/2101", ""); p.status != 200 || !strings.Contains(p.body, `"fmc_number":"+819011112222"`) {
		t.Errorf("%d %s", p.status, p.body)
	}
}
