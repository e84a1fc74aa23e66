package main

import (
	goflag "flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
)

// asPBX is set where the test's program is to be pbx: behind -- stand its arguments.
const asPBX = "NAISEN_TEST_AS_PBX"

// TestAsPBX is pbx for the commands of a document.
func TestAsPBX(t *testing.T) {
	if os.Getenv(asPBX) != "" {
		os.Exit(run(t.Context(), goflag.Args(), os.Stdout, os.Stderr))
	}
}

// TestAPIDocument does what docs/api.md says, in its order; then the department's telephones register with the passwords out of it, and its number rings them.
func TestAPIDocument(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "sed", "cmp"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the document's commands need %s", tool)
		}
	}
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	l := newSignalLab(t, nil, nil)
	l.put(provisioning.Domain{Name: "pbx.internal", Language: "ja", CountryCode: "81"}) // as it is delivered: no MD5
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pbx"), []byte("#!/bin/sh\n"+asPBX+"=1 exec "+program+" -test.run '^TestAsPBX$' -- \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(document), -1)
	if len(blocks) != 8 {
		t.Errorf("%d blocks of commands", len(blocks))
	}
	var script strings.Builder
	for _, b := range blocks {
		script.WriteString(b[1])
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "PBX_URL="+l.url(""), "PBX_DOMAIN=pbx.internal", "PBX_TOKEN="+l.token("taro", -time.Minute))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	departmentRings(t, l, filepath.Join(dir, "passwords.txt"))
}

// departmentRings: two of its telephones are called by the third at the group's number.
func departmentRings(t *testing.T, l *signalLab, passwords string) {
	t.Helper()
	text, err := os.ReadFile(passwords)
	if err != nil {
		t.Fatal(err)
	}
	phones := map[string]*siptest.Phone{}
	for i, m := range regexp.MustCompile(`(?m)^(310[13])\t(\S+)$`).FindAllStringSubmatch(string(text), -1) { // 3102 has a new password since
		p := siptest.NewPhone(t, m[1], l.socket(netip.AddrFrom4([4]byte{127, 0, 0, byte(31 + i)})), l.at("udp"))
		p.Domain, p.Auth = "pbx.internal", siptest.Digest(m[1], m[2])
		p.Register(300)
		phones[m[1]] = p
	}
	if len(phones) != 2 {
		t.Fatalf("%d passwords in\n%s", len(phones), text)
	}
	caller, called := phones["3101"], phones["3103"]
	l.authorised(caller, callTo(caller, "6100"))
	invite := called.Expect("INVITE")
	if from := invite.Get("From"); !strings.Contains(from, "3101") {
		t.Errorf("a call from %s", from)
	}
	called.Reply(invite, 486, nil)
}
