package provisioning

import (
	"errors"
	"strings"
	"testing"
)

func TestFeatureCodes(t *testing.T) {
	if err := (FeatureCodes{}).Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	for _, c := range []struct {
		codes  []FeatureCode
		field  string
		reason string
	}{
		{[]FeatureCode{{Feature: FeatureTime, Code: "*117"}}, "", ""},
		{[]FeatureCode{{Feature: FeatureTime, Code: "*43"}, {Feature: FeatureEcho, Code: "*60"}}, "", ""},                 // exchanged
		{[]FeatureCode{{Feature: FeatureTime, Code: "*43"}, {Feature: FeatureEcho, Code: "*43", Disabled: true}}, "", ""}, // given up
		{[]FeatureCode{{Feature: FeatureTime, Code: "*43"}}, "codes[0].code", "echo-test"},
		{[]FeatureCode{{Feature: FeatureEcho, Code: "*7"}, {Feature: FeatureTime, Code: "*72"}}, "codes[1].code", "forward-always-on"},
		{[]FeatureCode{{Feature: FeatureEcho, Code: "*725"}}, "codes[0].code", "*72"}, // *72 and the number 5
		{[]FeatureCode{{Feature: FeatureForwardOn, Code: "*9"}}, "codes[0].code", "forward-busy-on"},
		{[]FeatureCode{{Feature: FeatureCallPark, Code: "*43"}}, "", ""}, // pressed while one talks, and dialled: two tables
		{[]FeatureCode{{Feature: FeatureCallPark, Code: "#7##"}}, "codes[0].code", "call-transfer"},
		{[]FeatureCode{{Feature: "coffee", Code: "*1"}}, "codes[0].feature", ""},
		{[]FeatureCode{{Feature: FeatureTime, Code: "*1"}, {Feature: FeatureTime, Code: "*2"}}, "codes[1].feature", "twice"},
		{[]FeatureCode{{Feature: FeatureTime, Code: "117"}}, "codes[0].code", ""},
		{[]FeatureCode{{Feature: FeatureTime, Code: "**"}}, "codes[0].code", ""},
		{[]FeatureCode{{Feature: FeatureTime, Code: "*1234567"}}, "codes[0].code", ""},
		{[]FeatureCode{{Feature: FeatureTime, Code: "*75"}}, "", ""}, // of a feature that is off until it is named
		{[]FeatureCode{{Feature: FeatureTime, Code: "*75"}, {Feature: FeatureShortSet, Code: "*75"}}, "codes[0].code", "short-number-set"},
	} {
		err := FeatureCodes{c.codes}.Validate()
		var bad *Invalid
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%v: %v", c.codes, err)
		case c.field != "" && (!errors.As(err, &bad) || bad.Field != c.field || !strings.Contains(bad.Reason, c.reason)):
			t.Errorf("%v: %v, want %s with %q", c.codes, err, c.field, c.reason)
		}
	}
}

func TestFeatureDialled(t *testing.T) {
	table := FeatureCodes{[]FeatureCode{{Feature: FeatureTime, Code: "#1"}, {Feature: FeatureDNDOn, Code: "*78", Disabled: true}, {Feature: FeatureShortClear, Code: "*76"}}}
	for dialled, want := range map[string]string{
		"*72": "forward-always-on ", "*722005": "forward-always-on 2005", "*7203312345678#": "forward-always-on 03312345678", "*72+8190": "forward-always-on +8190",
		"#1": "time ", "*60": "", "*78": "", "*79": "do-not-disturb-off ", "*791": "", "*": "", "": "", "72": "", "*72*": "", "*43": "echo-test ", "##": "", "#72": "", "*7512": "", "*7612": "short-number-clear 12",
	} {
		f, arg, ok := table.Dialled(dialled)
		if got := f + " " + arg; ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %v, want %q", dialled, got, ok, want)
		}
	}
}
