package scim

import (
	"encoding/json"
	"testing"
)

// TestPatch is RFC 7644 section 3.5.2, and what Entra ID and Okta make of it.
func TestPatch(t *testing.T) {
	const before = `{"userName":"a","active":true,"title":"主任","name":{"familyName":"山田","givenName":"太郎"},"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x","type":"home"}]}`
	with := func(replace string) string {
		var m, n map[string]any
		_ = json.Unmarshal([]byte(before), &m)
		if err := json.Unmarshal([]byte(replace), &n); err != nil {
			t.Fatalf("%s: %v", replace, err)
		}
		for k, v := range n {
			if m[k] = v; v == nil {
				delete(m, k)
			}
		}
		b, _ := json.Marshal(m)
		return string(b)
	}
	for _, c := range []struct{ what, ops, want string }{
		{"Okta deactivates without a path", `[{"op":"replace","value":{"active":false}}]`, with(`{"active":false}`)},
		{"Entra's op and boolean as text", `[{"op":"Replace","path":"active","value":"False"}]`, with(`{"active":false}`)},
		{"Entra's path with a filter", `[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"n@x"}]`, with(`{"emails":[{"value":"n@x","type":"work","primary":true},{"value":"b@x","type":"home"}]}`)},
		{"Entra adds what was not there", `[{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"0901"}]`, with(`{"phoneNumbers":[{"type":"mobile","value":"0901"}]}`)},
		{"Entra's manager is an id", `[{"op":"Add","path":"` + urnEnterprise + `:manager","value":"m1"}]`, with(`{"` + urnEnterprise + `":{"manager":{"value":"m1"}}}`)},
		{"Entra's names with a schema, without a path", `[{"op":"Add","value":{"name.familyName":"鈴木","` + urnEnterprise + `:department":"税務課","addresses[type eq \"work\"].locality":"千代田区"}}]`,
			with(`{"name":{"familyName":"鈴木","givenName":"太郎"},"` + urnEnterprise + `":{"department":"税務課"},"addresses":[{"type":"work","locality":"千代田区"}]}`)},
		{"a manager's name is not a client's to write", `[{"op":"add","path":"` + urnEnterprise + `:manager","value":{"value":"m1","displayName":"x"}}]`, with(`{"` + urnEnterprise + `":{"manager":{"value":"m1"}}}`)},
		{"an extension as a whole", `[{"op":"replace","path":"` + urnEnterprise + `","value":{"employeeNumber":"7"}}]`, with(`{"` + urnEnterprise + `":{"employeeNumber":"7"}}`)},
		{"a sub-attribute", `[{"op":"replace","path":"name.givenName","value":"次郎"}]`, with(`{"name":{"familyName":"山田","givenName":"次郎"}}`)},
		{"a part of a complex one", `[{"op":"replace","path":"name","value":{"givenName":"次郎"}}]`, with(`{"name":{"familyName":"山田","givenName":"次郎"}}`)},
		{"one value more", `[{"op":"add","path":"emails","value":[{"value":"c@x","type":"other"}]}]`, with(`{"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x","type":"home"},{"value":"c@x","type":"other"}]}`)},
		{"the same value again", `[{"op":"add","path":"emails","value":{"value":"b@x","type":"home"}}]`, before},
		{"another primary", `[{"op":"add","path":"emails","value":{"value":"c@x","primary":true}}]`, with(`{"emails":[{"value":"a@x","type":"work"},{"value":"b@x","type":"home"},{"value":"c@x","primary":true}]}`)},
		{"all values", `[{"op":"replace","path":"emails","value":[{"value":"z@x"}]}]`, with(`{"emails":[{"value":"z@x"}]}`)},
		{"removed by filter", `[{"op":"remove","path":"emails[type eq \"home\"]"}]`, with(`{"emails":[{"value":"a@x","type":"work","primary":true}]}`)},
		{"removed by value", `[{"op":"remove","path":"emails","value":[{"value":"b@x"}]}]`, with(`{"emails":[{"value":"a@x","type":"work","primary":true}]}`)},
		{"removed", `[{"op":"remove","path":"title"},{"op":"remove","path":"name.givenName"},{"op":"remove","path":"emails"}]`, with(`{"title":null,"name":{"familyName":"山田"},"emails":null}`)},
		{"null is none", `[{"op":"replace","path":"title","value":null}]`, with(`{"title":null}`)},
		{"in order", `[{"op":"replace","path":"title","value":"a"},{"op":"replace","path":"title","value":"b"}]`, with(`{"title":"b"}`)},
		{"what is not known is left out without a path", `[{"op":"replace","value":{"nonsense":1,"id":"x","title":"部長"}}]`, with(`{"title":"部長"}`)},
		{"only letters differ", `[{"op":"REPLACE","path":"TITLE","value":"x"}]`, with(`{"title":"x"}`)},

		{"a path of nothing", `[{"op":"replace","path":"nonsense","value":"x"}]`, invalidPath},
		{"a broken filter", `[{"op":"remove","path":"emails[type eq"}]`, invalidFilter},
		{"a filter that takes nothing", `[{"op":"replace","path":"emails[value eq \"q\"]","value":{"type":"x"}}]`, noTarget},
		{"read only", `[{"op":"replace","path":"id","value":"x"}]`, mutability},
		{"read only groups", `[{"op":"add","path":"groups","value":[{"value":"g"}]}]`, mutability},
		{"the name removed", `[{"op":"remove","path":"userName"}]`, mutability},
		{"the name emptied", `[{"op":"replace","path":"userName","value":""}]`, invalidValue},
		{"nothing removed", `[{"op":"remove"}]`, noTarget},
		{"another kind", `[{"op":"replace","path":"active","value":"perhaps"}]`, invalidValue},
		{"a number", `[{"op":"replace","path":"title","value":7}]`, invalidValue},
		{"no op", `[{"op":"move","path":"title"}]`, invalidSyntax},
		{"none", `[]`, invalidSyntax},
		{"no date", `[{"op":"add","path":"` + urnNaisen + `:endDate","value":"soon"}]`, invalidValue},
	} {
		var d document
		if err := json.Unmarshal([]byte(before), &d); err != nil {
			t.Fatal(err)
		}
		var ops []operation
		if err := json.Unmarshal([]byte(c.ops), &ops); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		got, fault := userType.patched(d, ops)
		if fault != nil {
			if fault.scimType != c.want {
				t.Errorf("%s: %v, want %s", c.what, fault, c.want)
			}
		} else {
			equalJSON(t, c.what, got, c.want)
		}
		equalJSON(t, c.what+": what was there before", d, before)
	}
}
