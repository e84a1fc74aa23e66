package number

import "testing"

func TestE164(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{
		{"0312345678", "+81312345678", true},
		{"03-1234-5678", "+81312345678", true},
		{"(03) 1234 5678", "+81312345678", true},
		{"0123456789", "+81123456789", true},
		{"05012345678", "+815012345678", true},
		{"09012345678", "+819012345678", true},
		{"06012345678", "+816012345678", true},
		{"0662345678", "+81662345678", true},
		{"+81312345678", "+81312345678", true},
		{"+81 (0)3-1234-5678", "+81312345678", true},
		{"+14155550100", "+14155550100", true},
		{"010 1 415 555 0100", "+14155550100", true},
		{"01081312345678", "+81312345678", true},
		{"110", "110", false}, {"118", "118", false}, {"119", "119", false}, {"171", "171", false}, {"104", "104", false},
		{"117", "117", false}, {"188", "188", false}, {"#7119", "#7119", false}, {"#8000", "#8000", false},
		{"0120123456", "0120123456", false},
		{"08001234567", "08001234567", false},
		{"0570123456", "0570123456", false},
		{"+810120123456", "+810120123456", false},
		{"2001", "2001", false},
		{"031234567", "031234567", false},     // a digit short
		{"03123456789", "03123456789", false}, // a digit long
		{"0901234567", "0901234567", false},
		{"312345678", "312345678", false},
		{"+81031234567", "+81031234567", false}, // trunk prefix left in, and a digit short
		{"+0312345678", "+0312345678", false},
		{"+1", "+1", false},
		{"+1234567890123456", "+1234567890123456", false},
		{"010", "010", false},
		{"03*2345678", "03*2345678", false},
		{"", "", false}, {"+", "+", false}, {"abc", "abc", false}, {"0312345678;x", "0312345678;x", false},
		{"0031300101415555", "0031300101415555", false}, // carrier selection: as dialled
	} {
		if got, ok := Japan.E164(tc.in); got != tc.want || ok != tc.ok {
			t.Errorf("E164(%q) = %q %v, want %q %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func TestNational(t *testing.T) {
	for in, want := range map[string]string{
		"+81312345678": "0312345678", "+815012345678": "05012345678", "+819012345678": "09012345678", "+14155550100": "01014155550100",
		"0312345678": "0312345678", "110": "110", "#7119": "#7119", "2001": "2001", "+810312345678": "0312345678",
	} {
		if got := Japan.National(in); got != want {
			t.Errorf("National(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAnotherCountryIsOnlyData(t *testing.T) {
	nanp := Plan{Country: "1", Trunk: "1", International: []string{"011"}, Emergency: []string{"911"}, Special: []string{"X11"},
		Ranges: []Range{{"1", 11, National}}}
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{{"14155550100", "+14155550100", true}, {"01181312345678", "+81312345678", true}, {"911", "911", false}, {"411", "411", false}} {
		if got, ok := nanp.E164(tc.in); got != tc.want || ok != tc.ok {
			t.Errorf("E164(%q) = %q %v, want %q %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func TestSpecialNumberIsNeverPrefixed(t *testing.T) {
	p := Japan
	p.Special = append([]string{"03XXXXXXX0"}, p.Special...) // even where it looks like an ordinary one
	if got, ok := p.E164("0312345670"); ok || p.Write("0312345670", FormatPlus) != "0312345670" {
		t.Errorf("%q", got)
	}
}

func TestWriteFormat(t *testing.T) {
	for _, tc := range []struct {
		n    string
		f    Format
		want string
	}{
		{"0312345678", FormatPlus, "+81312345678"}, {"0312345678", FormatDigits, "81312345678"}, {"+81312345678", FormatNational, "0312345678"},
		{"+14155550100", FormatNational, "01014155550100"}, {"110", FormatPlus, "110"}, {"119", FormatDigits, "119"},
		{"#7119", FormatPlus, "#7119"}, {"171", FormatNational, "171"}, {"0120123456", FormatPlus, "0120123456"}, {"03-1234-5678", FormatNational, "0312345678"},
	} {
		if got := Japan.Write(tc.n, tc.f); got != tc.want {
			t.Errorf("Write(%q, %s) = %q, want %q", tc.n, tc.f, got, tc.want)
		}
	}
}

func TestSplitPresentation(t *testing.T) {
	for _, tc := range []struct {
		in, number string
		wish       Presentation
	}{
		{"1840312345678", "0312345678", PresentWithheld}, {"186-03-1234-5678", "0312345678", PresentShown}, {"0312345678", "0312345678", PresentDefault},
		{"184110", "110", PresentDefault}, {"184119", "119", PresentDefault}, {"186118", "118", PresentDefault},
		{"18405012345678", "05012345678", PresentWithheld}, {"184", "184", PresentDefault}, {"1845", "1845", PresentDefault},
	} {
		if n, w := Japan.SplitPresentation(tc.in); n != tc.number || w != tc.wish {
			t.Errorf("SplitPresentation(%q) = %q %d, want %q %d", tc.in, n, w, tc.number, tc.wish)
		}
	}
}

func FuzzE164(f *testing.F) {
	for _, s := range []string{"0312345678", "+81312345678", "010141555501", "#7119", "110", "+", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, ok := Japan.E164(s)
		if !ok {
			return
		}
		if again, ok := Japan.E164(e); !ok || again != e {
			t.Fatalf("%q -> %q -> %q %v", s, e, again, ok)
		}
		if back, ok := Japan.E164(Japan.National(e)); !ok && !Japan.nationalOnly(Japan.National(e)) && len(Japan.National(e)) == Japan.length(Japan.National(e)) {
			t.Fatalf("%q -> national %q -> %q %v", e, Japan.National(e), back, ok)
		}
	})
}
