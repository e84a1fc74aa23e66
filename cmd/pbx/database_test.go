package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStoreConfig: a database that is shared is named without its password, and what belongs to none is an error.
func TestStoreConfig(t *testing.T) {
	dir := t.TempDir()
	password, empty := filepath.Join(dir, "password"), filepath.Join(dir, "empty.crt")
	for path, text := range map[string]string{password: "first\n", empty: "no certificate"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const url = "  url: postgres://naisen@db.example.jp/naisen\n"
	for text, field := range map[string]string{
		"": "", url: "", url + "  password: file:" + password + "\n": "",
		"  url: postgres://naisen:hunter2@db.example.jp/naisen\n": "store.url",
		"  url: mysql://naisen@db.example.jp/naisen\n":            "store.url",
		"  ca: " + empty + "\n":                                   "store.url",
		"  password: file:" + password + "\n":                     "store.url",
		url + "  ca: " + empty + "\n":                             "store.ca",
		url + "  ca: " + filepath.Join(dir, "none") + "\n":        "store.ca",
	} {
		c, err := readConfig(strings.NewReader("store:\n" + text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		err = c.Store.validate()
		if (err == nil) != (field == "") || err != nil && (!strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v, want %q", text, err, field)
		}
	}
	c, err := readConfig(strings.NewReader("store:\n" + url + "  password: file:" + password + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Store.postgres()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(password, []byte("second\n"), 0o600); err != nil { // somebody changed it
		t.Fatal(err)
	}
	if now, err := p.Password(); err != nil || now != "second" {
		t.Errorf("%q, %v", now, err)
	}
	if err := databaseThere(c); err != nil {
		t.Errorf("a database elsewhere: %v", err)
	}
	if err := databaseThere(Config{Data: dir}); err == nil {
		t.Error("a file that is not there is there")
	}
}

// TestNodeConfig: a node has a name, a database that it shares, and a listener at which the others reach it.
func TestNodeConfig(t *testing.T) {
	const shared = "store:\n  url: postgres://naisen@db.example.jp/naisen\n"
	for text, good := range map[string]bool{
		"node: pbx-1\n" + shared: true, "node: pbx1\n": false, "node: \"a b\"\n" + shared: false, "node: A\n" + shared: false,
		"node: a\nsip:\n  listen: [\"udp:127.0.0.1:5060\"]\n" + shared: false,
	} {
		c, err := readConfig(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		c.setDefaults()
		if err := c.Validate(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "node: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
