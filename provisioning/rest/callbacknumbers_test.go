package rest

import (
	"strings"
	"testing"
)

// TestCallBackNumbers: a number that calls mobiles back has nothing beside that, and who gives it another mind is told which field is wrong.
func TestCallBackNumbers(t *testing.T) {
	r := desk(t, map[string]string{"/dids/+81312340100": `{"call_back":true,"to":[]}`})
	r.refuses(t, []refused{
		{"/dids/+81312340101", `{"call_back":true,"to":["2001"]}`, "to", "must be empty beside call_back"},
		{"/dids/+81312340101", `{"call_back":true,"call_through":true,"to":[]}`, "call_back", "must be left out beside call_through"},
		{"/dids/+81312340101", `{"call_back":true,"messages":true,"to":[]}`, "call_back", "must be left out beside"},
		{"/dids/+81312340101", `{"call_back":"yes","to":[]}`, "call_back", "expected boolean"},
	})
	if p := r.do(t, admin, "GET", base+"/dids/+81312340100", ""); p.status != 200 || !strings.Contains(p.body, `"call_back":true`) {
		t.Errorf("%d %s", p.status, p.body)
	}
}
