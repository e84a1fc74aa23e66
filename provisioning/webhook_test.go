package provisioning

import (
	"net/netip"
	"testing"
)

// TestWebhookValidate: threats G8. What is written as an internal address is refused at once; what resolves to one, at the connection.
func TestWebhookValidate(t *testing.T) {
	hook := func(url string) Entity { return Webhook{Name: "ops", URL: url} }
	for _, url := range []string{"https://hooks.example.jp/pbx?x=1", "https://hooks.example.jp:8443/", "https://8.8.8.8/", "https://[2606:4700::1111]/x",
		"http://127.0.0.1:8081/x", "http://[::1]:80/", "https://127.9.9.9/"} {
		fault{hook(url), ""}.check(t)
	}
	for _, url := range []string{"", "x", "/x", "https://", "ftp://hooks.example.jp/", "http://hooks.example.jp/", "file:///etc/passwd", "https:hooks.example.jp",
		"https://u:p@hooks.example.jp/", "https://hooks.example.jp/#f", "https://hooks.example.jp/\r\nX: y", "https://hooks.example.jp/日",
		"https://10.0.0.1/", "https://172.16.3.4/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://0.0.0.0/",
		"https://[fd00::1]/", "https://[fe80::1]/", "https://[::]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::a00:1]/",
		"https://[2002:a00:1::]/", "https://2130706433/", "https://0177.0.0.1/", "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://10.1/",
		"https://localhost/", "https://a.localhost/", "https://db.internal/", "https://printer.local/", "https://printer/"} {
		fault{hook(url), "url"}.check(t)
	}
	fault{Webhook{Name: "ops", URL: "https://hooks.example.jp/", Events: []string{"alarm.", "alarm.raised"}}, ""}.check(t)
	fault{Webhook{Name: "ops", URL: "https://hooks.example.jp/", Events: []string{"alarm.*"}}, "events[0]"}.check(t)
	fault{Webhook{Name: "Ops", URL: "https://hooks.example.jp/"}, "name"}.check(t)
}

func TestWebhookWants(t *testing.T) {
	for _, c := range []struct {
		w    Webhook
		want bool
	}{{Webhook{}, true}, {Webhook{Disabled: true}, false}, {Webhook{Events: []string{"alarm."}}, true}, {Webhook{Events: []string{"alarm.cleared"}}, false},
		{Webhook{Events: []string{"alarm.raised"}}, true}, {Webhook{Events: []string{"alarm"}}, false}} {
		if got := c.w.Wants("alarm.raised"); got != c.want {
			t.Errorf("%+v: %v", c.w, got)
		}
	}
}

func TestPublicAddress(t *testing.T) {
	for s, want := range map[string]bool{"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "127.0.0.1": false, "::1": false, "10.1.2.3": false,
		"::ffff:127.0.0.1": false, "::127.0.0.1": false, "169.254.1.1": false, "fe80::1%eth0": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		"fc00::1": false, "64:ff9b::808:808": false, "2001:db8::1": false, "192.0.2.1": false} {
		if got := PublicAddress(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
	if PublicAddress(netip.Addr{}) {
		t.Error("no address is a public one")
	}
}
