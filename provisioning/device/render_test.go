package device

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"naisen/provisioning"
)

var update = flag.Bool("update", false, "write testdata anew")

// told is a telephone with everything.
func told() Settings {
	return Settings{MAC: "805ec0112233", URL: "https://pbx.example.jp:8443/device/ward.example/805ec0112233abc/", CA: "https://pbx.example.jp:8443/device/ward.example/805ec0112233abc/ca.pem",
		Book: "https://pbx.example.jp:8443/device/ward.example/805ec0112233abc/directory.xml", Server: "sip.example.jp", Port: 5061, Domain: "ward.example", NTP: "ntp.example.jp", Japanese: true, Minutes: 1440,
		Accounts: []Account{{Index: 1, Number: "2001", Login: "2001.805ec0112233.abcdef", Password: "mfrggzdfmztwq2lknnwg23tpob", Display: "税務課", Label: "窓口", SRTP: true},
			{Index: 2, Number: "2002", Login: "2002.805ec0112233.abcdef", Password: "mfrggzdfmztwq2lknnwg23tpob", Display: "FAX", Label: "FAX"}},
		Keys: []Key{{Index: 3, Position: 1, BLF: true, Value: "2003", Label: "係長"}, {Index: 4, Position: 2, Value: "*117", Label: "時報"}}}
}

// TestFilesOfMakers: the whole file of each maker, in service and out of it.
func TestFilesOfMakers(t *testing.T) {
	for _, maker := range provisioning.Vendors() {
		stopped := told()
		stopped.Accounts, stopped.Keys, stopped.Book = nil, nil, ""
		for name, s := range map[string]Settings{maker + ".golden": told(), maker + "-stopped.golden": stopped} {
			got, err := Render(maker, s)
			if err != nil {
				t.Fatal(maker, err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %v\n%s", name, err, got)
			}
			if strings.HasSuffix(name, "-stopped.golden") && bytes.Contains(got, []byte("mfrgg")) {
				t.Errorf("%s has a password", name)
			}
		}
	}
	if _, err := Render("acme", told()); !errors.Is(err, ErrValue) {
		t.Error(err)
	}
}

var panasonicLine = regexp.MustCompile(`^([A-Z0-9_]+)="([^"]*)"$`)

// settings reads a file as the maker's telephones do: names and values, in the order of the file.
func settings(t *testing.T, maker string, file []byte) (out [][2]string) {
	t.Helper()
	if strings.HasPrefix(string(file), "<?xml") {
		d := xml.NewDecoder(bytes.NewReader(file))
		name := ""
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return out
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", maker, err, file)
			}
			switch x := token.(type) {
			case xml.StartElement:
				name = x.Name.Local
				for _, a := range x.Attr {
					out = append(out, [2]string{a.Name.Local, a.Value})
				}
			case xml.CharData:
				if s := strings.TrimSpace(string(x)); s != "" {
					out = append(out, [2]string{name, s})
				}
			}
		}
	}
	for _, text := range strings.Split(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n") {
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		name, value, ok := strings.Cut(text, " = ")
		if maker == provisioning.VendorPanasonic {
			m := panasonicLine.FindStringSubmatch(text)
			if ok = m != nil; ok {
				name, value = m[1], m[2]
			}
		}
		if !ok && !strings.HasSuffix(text, " =") {
			t.Fatalf("%s: %q is no setting", maker, text)
		}
		out = append(out, [2]string{name, value})
	}
	return out
}

// TestTemplateInjection: whatever a name is, the file has the same settings in the same order, and the name is where it belongs, as the maker can write it.
func TestTemplateInjection(t *testing.T) {
	labels := map[string]string{ // of the setting that has Accounts[0].Display
		provisioning.VendorYealink: "account.1.display_name", provisioning.VendorPoly: "reg.1.displayName", provisioning.VendorGrandstream: "P3",
		provisioning.VendorPanasonic: "DISPLAY_NAME_1", provisioning.VendorCisco: "Display_Name_1_",
	}
	for _, maker := range provisioning.Vendors() {
		honest, err := Render(maker, told())
		if err != nil {
			t.Fatal(err)
		}
		want := settings(t, maker, honest)
		for name, as := range map[string]map[string]string{ // what is written, where it is not the name itself
			`x"/><evil a="b`:             {provisioning.VendorPanasonic: `x'/><evil a='b`},
			`x</Display_Name_1_><Evil>`:  nil,
			`]]>&amp;&#10;<!--`:          nil,
			`a" EVIL="b`:                 {provisioning.VendorPanasonic: `a' EVIL='b`},
			`%NULL%`:                     {provisioning.VendorYealink: `％NULL％`},
			`{{.Password}}{{v .Login}}`:  nil,
			`x;sub=1@evil;$MA $PROXY`:    nil,
			"山田 'タロウ'":                   nil,
			`\" \n \r account.9.enable=`: {provisioning.VendorPanasonic: `\' \n \r account.9.enable=`},
		} {
			s := told()
			s.Accounts[0].Display, s.Accounts[0].Label, s.Keys[0].Label = name, name, name
			file, err := Render(maker, s)
			if err != nil {
				t.Fatal(maker, err)
			}
			got := settings(t, maker, file)
			if len(got) != len(want) {
				t.Fatalf("%s, %q: %d settings, want %d\n%s", maker, name, len(got), len(want), file)
			}
			written := name
			if text, ok := as[maker]; ok {
				written = text
			}
			found := false
			for i := range got {
				if got[i][0] != want[i][0] {
					t.Fatalf("%s, %q: setting %q in place of %q", maker, name, got[i][0], want[i][0])
				}
				if got[i][0] == labels[maker] {
					found = true
					if got[i][1] != written {
						t.Errorf("%s: %q is written as %q, want %q", maker, name, got[i][1], written)
					}
				}
				if strings.HasPrefix(got[i][0], "Extended_Function_3") && (strings.Count(got[i][1], ";") != 3 || strings.Count(got[i][1], "$") != 2 || strings.Count(got[i][1], "=") != 4) {
					t.Errorf("another function of a key: %q", got[i][1])
				}
			}
			if !found {
				t.Errorf("%s: no %s", maker, labels[maker])
			}
		}
		for _, name := range []string{"a\nb", "a\r\nb", "a\x00b", "a\u2028b", "a\x1bb", "a\xffb", "a\u0085b"} {
			s := told()
			s.Accounts[0].Label = name
			if file, err := Render(maker, s); !errors.Is(err, ErrValue) || file != nil || strings.Contains(err.Error(), name) {
				t.Errorf("%s: %q is written: %v", maker, name, err)
			}
		}
		s := told()
		s.Accounts[0].Label = strings.Repeat("漢", 400)
		file, err := Render(maker, s)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.Lines(string(file)) {
			if maker == provisioning.VendorPanasonic && len(text) > 537 {
				t.Errorf("a line of %d bytes is not read by the telephone", len(text))
			}
		}
	}
}

// TestGrandstreamNumbers: the settings of each account have numbers of their own.
func TestGrandstreamNumbers(t *testing.T) {
	seen := map[int]bool{}
	for index := 1; index <= vendors[provisioning.VendorGrandstream].lines; index++ {
		for _, setting := range []string{"active", "name", "server", "proxy", "user", "login", "password", "display", "register", "minutes", "transport", "srtp"} {
			n, err := grandstreamAccount(index, setting)
			if err != nil || seen[n] {
				t.Errorf("account %d, %s: P%d, %v", index, setting, n, err)
			}
			seen[n] = true
		}
	}
	for position := 1; position <= grandstreamKeys; position++ {
		for _, setting := range []string{"mode", "account", "name", "value"} {
			n, err := grandstreamKey(position, setting)
			if err != nil || seen[n] {
				t.Errorf("key %d, %s: P%d, %v", position, setting, n, err)
			}
			seen[n] = true
		}
	}
	for _, f := range []func() (int, error){func() (int, error) { return grandstreamAccount(7, "user") }, func() (int, error) { return grandstreamAccount(1, "x") },
		func() (int, error) { return grandstreamKey(8, "mode") }, func() (int, error) { return grandstreamKey(0, "name") }} {
		if _, err := f(); !errors.Is(err, ErrValue) {
			t.Error(err)
		}
	}
}
