package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"naisen/loadtest/peer"
)

// atLocalhost is a switch that is reached by a name, since passkeys are bound to one.
func atLocalhost(t *testing.T) *peer.PBX {
	t.Helper()
	bin, err := peer.Build(t.Context(), t.TempDir())
	must(t, err)
	p, err := peer.NewPBX(bin, t.TempDir(), peer.Options{})
	must(t, err)
	p.URL = strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
	file := filepath.Join(p.Dir, "pbx.yaml")
	yaml, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(yaml), "http:\n", "http:\n  url: "+p.URL+"\n", 1)), 0o600))
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the switch said:\n%.8000s", p.Output())
		}
	})
	return p
}

// keyring opens a browser with an authenticator of its own.
func keyring(t *testing.T) *phone {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser")
	must(t, err)
	chromium, err := exec.LookPath("chromium")
	must(t, err)
	return drive(t, dir, "keys.mjs", modules(t), filepath.Join(dir, "profile"), chromium)
}

// on fails unless the browser shows a page of that path, and gives its text.
func (p *phone) on(path string) (text string) {
	p.t.Helper()
	var at string
	p.do(&at, "path")
	p.do(&text, "text")
	if at != path {
		p.t.Fatalf("the browser is on %s, not %s: %s", at, path, text)
	}
	return text
}

// TestPasskeyInABrowser: a real browser makes a passkey on the account page, signs in with it beside the password and without one; an authenticator that
// has not verified who holds it does not do for the latter. No page does anything that its content security policy forbids.
func TestPasskeyInABrowser(t *testing.T) {
	t.Parallel()
	p := atLocalhost(t)
	b := keyring(t)
	const password, account = "a password for the browser", "/identity/account"
	b.do(nil, "authenticator", true)
	b.do(nil, "goto", p.URL+account)
	b.do(nil, "fill", "#user", "admin")
	b.do(nil, "fill", "#password", p.AdminOTP)
	b.do(nil, "press", "button[type=submit]")
	b.do(nil, "fill", "#password", password)
	b.do(nil, "fill", "#again", password)
	b.do(nil, "press", "button[type=submit]")
	b.on(account)
	b.do(nil, "press", "button[value=passkey]")
	b.do(nil, "fill", "#name", "laptop")
	b.do(nil, "shown", "#passkey")
	b.do(nil, "press", "#passkey")
	if text := b.on(account); !strings.Contains(text, "laptop") || !strings.Contains(text, "Recovery codes") {
		t.Errorf("%s", text)
	}
	var keys []struct {
		RP       string
		Resident bool
		Count    int
	}
	if b.do(&keys, "keys"); len(keys) != 1 || keys[0].RP != "localhost" || !keys[0].Resident {
		t.Fatalf("%+v", keys)
	}

	out := func() {
		t.Helper()
		b.do(nil, "press", "button[value=sign-out]")
		b.on("/identity/signed-out")
		b.do(nil, "goto", p.URL+account)
	}
	out()
	b.do(nil, "fill", "#user", "admin")
	b.do(nil, "fill", "#password", password)
	b.do(nil, "press", "button[type=submit]")
	b.on("/identity/login")
	b.do(nil, "shown", "#passkey")
	b.do(nil, "press", "#passkey")
	if text := b.on(account); !strings.Contains(text, "last used") {
		t.Errorf("%s", text)
	}

	out()
	b.do(nil, "shown", "#passkey")
	b.do(nil, "press", "#passkey") // neither name nor password
	if text := b.on(account); !strings.Contains(text, "Signed in as admin@") {
		t.Errorf("%s", text)
	}

	out()
	b.do(nil, "authenticator", false)
	b.do(nil, "shown", "#passkey")
	b.do(nil, "click", "#passkey")
	b.do(nil, "shown", "#passkey-failed")
	b.on("/identity/login")
	var said []string
	b.do(&said, "said")
	if slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "Content Security Policy") }) {
		t.Errorf("%q", said)
	}
}
