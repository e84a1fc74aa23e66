package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDefaultsAreValid(t *testing.T) {
	c, err := loadConfig("")
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "./var" || c.HTTP.URL != "http://127.0.0.1:8080" || len(c.SIP.Listen) != 3 {
		t.Errorf("%+v", c)
	}
}

func TestConfigErrorsNameTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown key, with its line", "domain: a.example\nsipp:\n  listen: []\n", "2"},
		{"unknown nested key", "sip:\n  listn: []\n", "listn"},
		{"wrong type", "calls: many\n", "calls"},
		{"wildcard", "sip:\n  listen: [\"udp:0.0.0.0:5060\"]\n", "sip.listen[0]"},
		{"transport", "sip:\n  listen: [\"sctp:127.0.0.1:5060\"]\n", "sip.listen[0]"},
		{"name server", "sip:\n  dns: [\"192.0.2.53\", \"ns.example\"]\n", "sip.dns[1]"},
		{"certificate alone", "sip:\n  certificate: a.pem\n", "certificate and key"},
		{"ports", "media:\n  ports: 5-6\n", "media.ports"},
		{"plain http outside", "http:\n  listen: 192.0.2.1:8080\n", "need TLS"},
		{"secret in the file", "storage:\n  kind: s3\n  endpoint: e\n  bucket: b\n  secret_key: hunter2\n", "never in the configuration"},
		{"secret missing", "storage:\n  secret_key: env:NAISEN_TEST_NOT_SET\n", "is empty"},
		{"storage kind", "storage:\n  kind: tape\n", "storage.kind"},
		{"lock", "storage:\n  kind: s3\n  endpoint: e\n  bucket: b\n  lock: maybe\n", "storage.lock"},
		{"lock of a directory", "storage:\n  lock: compliance\n", "storage.lock"},
		{"buckets of a directory", "storage:\n  buckets: {ward.example: naisen-ward}\n", "storage.buckets"},
		{"former of a directory", "storage:\n  former: [naisen-old]\n", "storage.former"},
		{"a bucket of no domain", "storage:\n  kind: s3\n  endpoint: e\n  bucket: b\n  buckets: {Ward: naisen-ward}\n", "storage.buckets: \"Ward\""},
		{"a bucket of what is no domain's", "storage:\n  kind: s3\n  endpoint: e\n  bucket: b\n  buckets: {messages: naisen-ward}\n", "storage.buckets: \"messages\""},
		{"no bucket's name", "storage:\n  kind: s3\n  endpoint: e\n  bucket: b\n  buckets: {ward.example: Naisen_Ward}\n", "ward.example"},
		{"the bucket of all as one's own", "storage:\n  kind: s3\n  endpoint: e\n  bucket: naisen\n  buckets: {ward.example: naisen}\n", "leave the line out"},
		{"no former bucket's name", "storage:\n  kind: s3\n  endpoint: e\n  bucket: b\n  former: [naisen-old, \"../x\"]\n", "storage.former[1]"},
		{"issuer", "identity:\n  issuer: id.example\n", "identity.issuer"},
		{"issuer without TLS", "identity:\n  issuer: http://id.example\n", "identity"},
		{"no role", "identity:\n  roles: {a: boss}\n", "identity.roles.a"},
		{"a claim that is none", "identity:\n  roles_claim: {a: b}\n", "claim"},
		{"one scope for all", "identity:\n  issuer: https://id.example\n  scope: sip\n", "identity"},
		{"an attribute without a claim", "identity:\n  issuer: https://id.example\n  attributes: {a: []}\n", "identity"},
		{"introspection of ourselves", "identity:\n  introspection: {client_id: a}\n", "identity.introspection"},
		{"introspection without a secret", "identity:\n  issuer: https://id.example\n  introspection: {client_id: a}\n", "identity.introspection"},
		{"a class of its own", "identity:\n  step_up:\n    classes: {reading: {max_age: 1h}}\n", "identity.step_up.classes.reading"},
		{"an acr of two words", "identity:\n  step_up:\n    acr: [\"a b\"]\n", "identity.step_up"},
		{"an age that nobody reaches", "identity:\n  step_up:\n    classes: {keys: {max_age: 1s}}\n", "identity.step_up (keys)"},
		{"language", "language: fr\n", "language"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pbx.yaml")
			if err := os.WriteFile(path, []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := loadConfig(path)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q in it", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestSecretsComeFromFilesAndTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s3")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NAISEN_TEST_ACCESS", "from-env")
	c, err := readConfig(strings.NewReader("storage:\n  access_key: env:NAISEN_TEST_ACCESS\n  secret_key: \"file:" + file + "\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Storage.Access.value != "from-env" || c.Storage.Secret.value != "from-file" {
		t.Error("secrets were not read")
	}
	if c.Storage.Secret.String() != "[redacted]" {
		t.Error("a secret prints itself")
	}
}

// The example names every key, and is valid as it stands.
func TestExampleConfig(t *testing.T) {
	const path = "../../pbx.example.yaml"
	if _, err := loadConfig(path); err != nil {
		t.Error(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var keys func(reflect.Type)
	keys = func(s reflect.Type) {
		for i := range s.NumField() {
			f := s.Field(i)
			name := f.Tag.Get("yaml")
			if name != "" && !strings.Contains(string(raw), name+":") {
				t.Errorf("the example does not show %s.%s", s.Name(), name)
			}
			if f.Type.Kind() == reflect.Struct {
				keys(f.Type)
			}
		}
	}
	keys(reflect.TypeFor[Config]())
}

// What a browser writes into Origin is compared as it stands: a configured one is brought into that form.
func TestOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"https://Portal.example.jp":      "https://portal.example.jp",
		"https://portal.example.jp/":     "https://portal.example.jp",
		"https://portal.example.jp:443":  "https://portal.example.jp",
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080",
		"https://portal.example.jp/page": "", "portal.example.jp": "", "null": "", "ftp://x": "", "https://a:b@x": "", "*": "",
	} {
		if got, ok := originOf(text); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", text, got, ok)
		}
	}
	var c Config
	c.setDefaults()
	c.SIP.Origins = []string{"https://portal.example.jp"}
	if got := c.origins(); len(got) != 2 || got[1] != "http://127.0.0.1:8080" {
		t.Errorf("%q", got)
	}
	c.SIP.Origins, c.SIP.Listen = []string{"everybody"}, []string{"wss:127.0.0.1:443"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "sip.origins[0]") || strings.Contains(err.Error(), "sip.listen") {
		t.Errorf("%v", err)
	}
}
