package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// officePolicies close mobile numbers, a telephone that stands elsewhere, a device that was stolen, and every number for taro of 2003.
func officePolicies() []provisioning.Entity {
	return []provisioning.Entity{
		provisioning.SitePolicy{Name: "office", Forbid: []string{
			`@id("no-mobile") forbid (principal, action == Action::"call.dial", resource) when { resource.class == "mobile" };`,
			`@id("not-from-there") forbid (principal, action == Action::"call.dial", resource) when { context has address && context.address == ip("192.0.2.22") };`,
			`@id("stolen") forbid (principal, action == Action::"phone.register", resource) when { context has device && context.device == "urn:uuid:00000000-0000-1000-8000-000a95a0e128" };`,
			`@id("all") forbid (principal, action == Action::"call.dial", resource) when { principal.name == "taro" };`}},
		provisioning.User{Name: "taro"},
		provisioning.Extension{Number: "2003", Display: "Ext 2", AllowMD5: true, Media: "srtp-preferred", User: "taro"},
	}
}

// TestSitePoliciesOfTelephones: a call out is judged by the policies of the domain wherever it comes from, each refusal names its rule and what it was
// judged by, nothing reaches the carrier; calls inside and for help are never refused.
func TestSitePoliciesOfTelephones(t *testing.T) {
	onStage(t, "", func(o *stage) {
		refused := func(number, dialled, rule string) {
			t.Helper()
			p := o.phones[number]
			out := o.invite(p, dialled, nil)
			p.ExpectStatus(183, "INVITE")
			p.Ack(out, p.ExpectStatus(403, "INVITE"))
			for len(o.p.auditor.queue) > 0 {
				if e := <-o.p.auditor.queue; e.Action == "call.denied" {
					in, _ := e.Detail["inputs"].(map[string]any)
					if e.Detail["rule"] != rule || in["class"] == nil || in["address"] == nil || e.Subject != number+"@"+simDomain {
						t.Errorf("%s dials %s: %+v", number, dialled, e)
					}
					return
				}
			}
			t.Errorf("%s dials %s: no entry", number, dialled)
		}
		refused("2001", "09012345678", "site: office/no-mobile")
		refused("2002", "0312345678", "site: office/not-from-there")
		refused("2003", "0312345678", "site: office/all")
		o.silence(o.carrier)
		s, err := o.p.purse.LimitState(simDomain, "2001", provisioning.DialQuery{Number: "09012345678"})
		if err != nil || s.Dial == nil || s.Dial.Allowed || s.Dial.Why != "site: office/no-mobile" {
			t.Errorf("what if: %+v %v", s.Dial, err)
		}
		for _, number := range []string{"110", "118", "119"} {
			alice := o.phones["2003"]
			out := o.invite(alice, number, nil)
			in := o.carrier.Expect("INVITE")
			b := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
			o.carrier.Expect("ACK")
			a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
			alice.Ack(out, a.resp)
			o.wait(time.Second)
			a.bye(b)
		}
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.bye(b)
	}, officePolicies()...)
}

// TestSitePolicyOfRegistering: a telephone that a policy lets not be reached gets 403 and no binding, and the log says why.
func TestSitePolicyOfRegistering(t *testing.T) {
	onStage(t, "", func(o *stage) {
		p := o.phones["2004"]
		r := p.NewRequest("REGISTER", "")
		r.SetContact(sip.Address{URI: p.Contact()}.WithParam("+sip.instance", simInstance).WithParam("expires", "3600"))
		_, resp := p.Do(r)
		if resp.Status != 403 || resp.Get("Contact") != "" {
			t.Errorf("%d %q", resp.Status, resp.Get("Contact"))
		}
		found := false
		for len(o.p.auditor.queue) > 0 {
			e := <-o.p.auditor.queue
			in, _ := e.Detail["inputs"].(map[string]any)
			found = found || e.Action == "phone.register" && e.Outcome == "denied" && e.Detail["rule"] == "site: office/stolen" &&
				e.Object == "extension/2004" && in["device"] == strings.Trim(simInstance, "<>") && in["address"] == "192.0.2.24"
		}
		if !found {
			t.Error("no entry with the rule and its inputs")
		}
		a, b := o.talk(p, o.phones["2001"], "2001") // it may call all the same
		a.bye(b)
	}, officePolicies()...)
}

// TestPolicyTable is R-3-1-a: 200 cases or more of who, what device, where, when and what number, each with its answer and its rule.
func TestPolicyTable(t *testing.T) {
	const file = "testdata/policy-cases.yaml"
	var out bytes.Buffer
	if code := run(t.Context(), []string{"policy", "test", file}, &out, &out); code != 0 {
		t.Errorf("%d: %s", code, out.String())
	}
	f, err := readPolicyFile(file)
	if err != nil || len(f.Cases) < 200 || !strings.HasSuffix(out.String(), " cases, 0 failed\n") {
		t.Fatalf("%d cases: %v %s", len(f.Cases), err, out.String())
	}
	rules := map[string]bool{}
	for _, c := range f.Cases {
		rules[c.Rule] = true
	}
	for _, p := range f.SitePolicies { // each of the statements decides somewhere
		for _, text := range append(p.Forbid, p.Permit...) {
			id, _, _ := strings.Cut(strings.TrimPrefix(text, `@id("`), `"`)
			if !rules["site: "+p.Name+"/"+id] {
				t.Errorf("no case is decided by %s/%s", p.Name, id)
			}
		}
	}
}

// TestPolicyCommands: a case that comes out otherwise fails, and says how; a key that nobody knows is an error.
func TestPolicyCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cases.yaml")
	try := func(text string, args ...string) (int, string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"policy", "test", file}, args...), &out, &out)
		return code, out.String()
	}
	const good = "cases:\n  - {name: dial, subject: {user: taro, address: 192.0.2.1}, action: call.dial, object: {class: mobile}, at: 2026-12-01T10:00:00+09:00, allow: true, rule: \"anybody: call.dial\"}\n"
	if code, out := try(good, "-v"); code != 0 || !strings.Contains(out, `allow dial: anybody: call.dial {"address":"192.0.2.1"`) {
		t.Errorf("%d %s", code, out)
	}
	if code, out := try(strings.Replace(good, "allow: true", "allow: false", 1)); code != 1 || !strings.Contains(out, `FAILED 1 dial: allow by "anybody: call.dial", want deny`) {
		t.Errorf("%d %s", code, out)
	}
	if code, out := try("cases: [{nmae: x}]"); code != 1 || !strings.Contains(out, "nmae") {
		t.Errorf("%d %s", code, out)
	}
	if code, out := try("site_policies: [{name: x, forbid: ['forbid (principal, action, resource) when { context.x };']}]\n" + good); code != 1 || !strings.Contains(out, "forbid[0] line 1, column 53") {
		t.Errorf("%d %s", code, out)
	}
	for args, want := range map[string]string{"": "extension.put", "call.dial": `@id("anybody: call.dial")`, "--cedar": `permit (principal in Role::"admin", action == Action::"trunk.put"`, "--schema": "entity User in [Role, Department]"} {
		var out bytes.Buffer
		if code := run(t.Context(), append([]string{"policy", "explain"}, strings.Fields(args)...), &out, &out); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("explain %s: %d %s", args, code, out.String())
		}
	}
}
