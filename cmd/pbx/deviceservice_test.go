package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
)

// deviceLab serves configurations.
func deviceLab(t *testing.T) *lab {
	t.Helper()
	return newLab(t, func(c *Config) { c.Devices = DevicesConfig{Listen: "127.0.0.1:0"} })
}

// fetch asks as a telephone does that believes our certificate.
func (l *lab) fetch(client *http.Client, path string) (int, string) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "https://"+l.p.devicesAt()+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("User-Agent", "Yealink SIP-T54W 96.86.0.20 80:5e:c0:11:22:33")
	resp, err := client.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func trusting() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the certificate is made for this test
}

func setting(t *testing.T, file, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` = (.*)$`).FindStringSubmatch(file)
	if m == nil {
		t.Fatalf("no %s in\n%s", name, file)
	}
	return m[1]
}

// TestUnboxed: from a claim code to a registered telephone; a change lets it be asked to fetch its configuration, once, and the report says what differs.
func TestUnboxed(t *testing.T) {
	l, client := deviceLab(t), trusting()
	domain := l.p.config.Domain
	l.put(provisioning.ManagedDevice{MAC: deskMAC, Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Lines: []provisioning.DeviceLine{{Extension: "2001"}}})
	var code string
	l.update(func(w provisioning.Writer) (err error) {
		code, err = provisioning.NewEnrolment(w, domain, provisioning.Enrolment{Of: provisioning.EnrolDevice, Name: deskMAC, Until: time.Now().Add(time.Hour)}, time.Now())
		return err
	})
	report := func() provisioning.DeviceReport {
		r, err := l.p.fleet.Report(domain, deskMAC)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := report(); !slices.Equal(r.Drift, []string{"never-fetched", "not-registered 2001"}) {
		t.Errorf("%v", r.Drift)
	}
	at := strings.TrimPrefix(l.p.fleet.URL(domain, code), "https://"+l.p.devicesAt())
	status, file := l.fetch(client, at+deskMAC+".cfg")
	if status != 200 {
		t.Fatal(status)
	}
	if status, _ := l.fetch(client, at+deskMAC+".cfg"); status != 404 {
		t.Errorf("the code counts twice: %d", status)
	}
	phone := siptest.NewPhone(t, setting(t, file, "account.1.user_name"), l.socket(l.at("udp").Addr()), l.at("udp"))
	phone.Domain = setting(t, file, "account.1.sip_server.1.address")
	phone.Auth = siptest.Digest(setting(t, file, "account.1.auth_name"), setting(t, file, "account.1.password"))
	if got := asks(t, phone); got != 200 {
		t.Fatalf("the password of the configuration: %d", got)
	}
	if r := report(); len(r.Drift) != 0 || len(r.Registrations) != 1 || r.Now != r.Told || r.By != "claim" {
		t.Errorf("%+v", r)
	}
	l.put(provisioning.ManagedDevice{MAC: deskMAC, Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Lines: []provisioning.DeviceLine{{Extension: "2001", Label: "窓口"}}})
	notify := phone.Expect("NOTIFY")
	if notify.Get("Event") != "check-sync" || notify.Get("Subscription-State") != "terminated;reason=noresource" {
		t.Errorf("%s", notify.Get("Event"))
	}
	phone.Reply(notify, 200, nil)
	if r := report(); !slices.Equal(r.Drift, []string{"configuration"}) {
		t.Errorf("%v", r.Drift)
	}
	again := strings.TrimPrefix(setting(t, file, "static.auto_provision.server.url"), "https://"+l.p.devicesAt())
	if status, file = l.fetch(client, again+deskMAC+".cfg"); status != 200 || setting(t, file, "account.1.label") != "窓口" {
		t.Fatalf("%d", status)
	}
	waitFor(t, func() bool { return len(report().Drift) == 0 })
	if status, text := l.fetch(client, again+"directory.xml"); status != 200 || !strings.Contains(text, "<YealinkIPPhoneDirectory>") {
		t.Errorf("the directory: %d %s", status, text)
	}
	l.put(provisioning.ManagedDevice{MAC: deskMAC, Vendor: provisioning.VendorYealink, Model: "SIP-T31P", Lines: []provisioning.DeviceLine{{Extension: "2001", Label: "窓口"}}})
	if r := report(); !slices.Equal(r.Drift, []string{"agent"}) {
		t.Errorf("another model than it says: %v", r.Drift)
	}
}

// TestGuessesRaiseOneAlarm: whoever guesses paths is in one alarm, however many they are.
func TestGuessesRaiseOneAlarm(t *testing.T) {
	l, client := deviceLab(t), trusting()
	l.inventoried(deskMAC)
	waits := 0
	for i := range 200 {
		switch status, text := l.fetch(client, fmt.Sprintf("/device/%s/%026d/%s.cfg", l.p.config.Domain, i, deskMAC)); {
		case status == 429:
			waits++
		case status != 404 || strings.Contains(text, "2001"):
			t.Fatalf("%d %s", status, text)
		}
	}
	var found []provisioning.Alarm
	for _, a := range l.p.alarms.Alarms(l.p.config.Domain) {
		if a.Name == "device-guesses" {
			found = append(found, a)
		}
	}
	if waits == 0 || len(found) != 1 || found[0].Text == "" || found[0].English == "" {
		t.Errorf("%d were told to wait, alarms %+v", waits, found)
	}
}

// TestDevicesConfig: what is wrong is named.
func TestDevicesConfig(t *testing.T) {
	for text, key := range map[string]string{
		"devices: {listen: here}":                                     "devices.listen",
		"devices: {listen: \"127.0.0.1:0\", url: \"http://x\"}":       "devices.url",
		"devices: {listen: \"127.0.0.1:0\", url: \"https://x/a\"}":    "devices.url",
		"devices: {listen: \"127.0.0.1:0\", roots: {acme: a.pem}}":    "devices.roots.acme",
		"devices: {listen: \"127.0.0.1:0\", server: \"a b\"}":         "devices.server",
		"devices: {listen: \"127.0.0.1:0\", certificate: a.pem}":      "devices",
		"devices: {listen: \"127.0.0.1:0\", every_minutes: 99999999}": "devices.every_minutes",
	} {
		c, err := readConfig(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c.setDefaults()
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
