package hostile

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"naisen/loadtest/inclear"
	"naisen/loadtest/peer"
)

// A secret that was planted in each sensitive field of the API is found in no file of the data directory (database, its log, journals), in nothing that the
// switch says, and, once other requests have followed, not in the memory of the process that a core dump would show, which is not even made. The collector
// overwrites here what it frees, and works often: without that, what was freed lies about until it is used again.
func TestPlantedSecrets(t *testing.T) {
	p := own(t)
	texts := plant(t, p)
	set, err := inclear.NewTexts(texts)
	must(t, err)
	for i := range 500 { // what a buffer held is overwritten by what comes after it
		status, answer, err := p.Do(t.Context(), "PUT", fmt.Sprintf("contacts/c%d", i%20), map[string]any{"name": strings.Repeat("区役所", 20), "note": strings.Repeat("何もない", 30), "numbers": []map[string]any{{"kind": "work", "number": "0312345678"}}})
		if err != nil || status/100 != 2 && i == 0 {
			t.Fatalf("contact: %d %s %v", status, answer, err)
		}
	}
	f, err := set.Files(p.Dir)
	must(t, err)
	if f.Total() != 0 || f.Files < 10 {
		t.Errorf("%d files: %v %q", f.Files, f.Hits, f.Where)
	}
	for name, text := range texts {
		if strings.Contains(p.Output(), text) {
			t.Errorf("the switch said %s", name)
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.PID()))
	must(t, err)
	if !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("a core file may be written: %s", limits)
	}
	delete(texts, signature) // a buffer may have it for as long as it counts
	set, err = inclear.NewTexts(texts)
	must(t, errors.Join(err, p.Signal(syscall.SIGSTOP)))
	f, err = set.Process(p.PID())
	must(t, p.Signal(syscall.SIGCONT))
	must(t, err)
	if f.Total() != 0 {
		t.Errorf("in memory: %v %q", f.Hits, f.Where)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signature of an access token, among what is planted.
const signature = inclear.Form("the signature of an access token")

// plant sets what people choose, has made what is made for them, and says what each is.
func plant(t *testing.T, p *peer.PBX) map[inclear.Form]string {
	t.Helper()
	texts := map[inclear.Form]string{}
	set := func(method, path string, body map[string]any, secrets ...string) {
		t.Helper()
		status, answer, err := p.Do(t.Context(), method, path, body)
		if err != nil || status/100 != 2 {
			t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
		}
		for _, member := range secrets {
			if text, ok := body[member].(string); ok {
				texts[inclear.Form(path+" "+member)] = text
				continue
			}
			var out map[string]any
			must(t, json.Unmarshal(answer, &out))
			text, _ := out[member].(string)
			if text == "" {
				t.Fatalf("%s: no %s in %s", path, member, answer)
			}
			texts[inclear.Form(path+" "+member)] = text
		}
	}
	set(http.MethodPut, "trunks/planted", map[string]any{"host": "192.0.2.1", "username": "planted", "transport": "udp"})
	set(http.MethodPut, "trunks/planted/secret", map[string]any{"secret": "planted-of-the-trunk-7351"}, "secret")
	set(http.MethodPut, "conferences/7001", map[string]any{"title": "planted"})
	set(http.MethodPut, "conferences/7001/pin", map[string]any{"pin": "483920174652", "moderator_pin": "917365028471"}, "pin", "moderator_pin")
	set(http.MethodPut, "extensions/7002", map[string]any{"display": "planted"}, "secret")
	set(http.MethodPut, "extensions/7002/pin", map[string]any{"pin": "620185947310"}, "pin")
	set(http.MethodPost, "extensions/7002/secret", nil, "secret")
	set(http.MethodPut, "webhooks/planted", map[string]any{"url": "https://hooks.example/hook", "events": []string{"alarm."}}, "secret")
	set(http.MethodPut, "directory-accounts/planted", map[string]any{})
	set(http.MethodPost, "directory-accounts/planted/secret", nil, "secret")
	set(http.MethodPut, "users/planted", map[string]any{"display": "planted", "roles": []string{"staff"}, "disabled": false})
	set(http.MethodPost, "users/planted/password", nil, "secret")
	const chosen = "chosen at the counter 9406"
	token, err := p.Command(t.Context(), texts["users/planted/password secret"]+"\n"+chosen+"\n", "login", "--url", p.URL, "--user", "planted")
	must(t, err)
	if status, _, err := p.DoAs(t.Context(), strings.TrimSpace(token), "GET", "/v1/domains/"+p.Domain+"/extensions/7002", nil); err != nil || status/100 == 5 {
		t.Fatalf("the token is not looked at: %d %v", status, err)
	}
	texts["a password that somebody chose"] = chosen
	texts[signature] = strings.TrimSpace(token)[strings.LastIndexByte(token, '.'):][:64]
	return texts
}

// own is a switch of the test's own, signed in to.
func own(t *testing.T) *peer.PBX {
	t.Helper()
	dir := t.TempDir()
	p, err := peer.NewPBX(pbx.Bin, dir, peer.Options{Prefix: []string{"env", "GODEBUG=clobberfree=1", "GOGC=20"}})
	must(t, err)
	must(t, p.Run(t.Context()))
	t.Cleanup(p.Stop)
	must(t, p.SignIn(t.Context()))
	return p
}
