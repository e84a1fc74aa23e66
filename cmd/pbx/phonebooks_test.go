package main

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestPhoneBooks: the switch as it is served, its directory read by Debian's ldapsearch and by curl with an account of its own, until that ends.
func TestPhoneBooks(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"ldapsearch", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatal(tool + " is not here: loadtest/install.sh installs it")
		}
	}
	port := portForLDAP(t)
	l := newLab(t, func(c *Config) { c.LDAP.TLS = "127.0.0.1:" + port })
	domain := l.p.config.Domain
	l.put(provisioning.Contact{ID: "ward", Name: "区役所", Reading: "くやくしょ", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "03-1111-2222"}}},
		provisioning.Contact{ID: "mayor", Name: "市長", Reading: "しちょう", Numbers: []provisioning.ContactNumber{{Kind: "mobile", Number: "090-9999-0000"}}, Visible: provisioning.Visibility{Departments: []string{"秘書課"}}},
		provisioning.Extension{Number: "2001", Display: "秘書", Department: "秘書課", AllowMD5: true, Media: "srtp-preferred"},
		provisioning.BookAccount{Name: "desk"}, provisioning.BookAccount{Name: "desk-2001", Extension: "2001"})
	secrets := func(plain string) {
		t.Helper()
		err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			for _, name := range []string{"desk", "desk-2001"} {
				if err := w.PutSecret(domain, provisioning.SecretBookAccount, name, provisioning.BookProof(plain+name)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	secrets("s-")
	err := l.p.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddCDR(provisioning.CDR{ID: "m1", Domain: domain, From: "+81311112222", To: "2001", Started: time.Now(), Ended: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	base := "dc=" + strings.ReplaceAll(domain, ".", ",dc=")
	tool := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(os.Environ(), "LDAPTLS_REQCERT=never")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	search := func(account, filter string) string {
		return tool("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", "ldaps://127.0.0.1:"+port, "-D", "cn="+account+","+base, "-w", "s-"+account, "-b", base, filter, "telephoneNumber", "mobile", "ipPhone")
	}
	read := func(account, path string) string {
		return tool("curl", "-s", "-m", "20", "-w", "%{http_code}", "-u", account+":s-"+account, "http://"+l.p.http.addr.String()+"/phonebook/"+domain+"/"+path)
	}
	for _, c := range []struct{ name, got, want, not string }{
		{"kana by LDAP", search("desk", "(cn=クヤク*)"), "telephoneNumber: 0311112222", "mobile"},
		{"an extension by LDAP", search("desk", "(ipPhone=2001)"), "ipPhone: 2001", "mobile"},
		{"what is not shown", search("desk", "(cn=しちょう)"), "", "mobile"},
		{"what is shown to a department", search("desk-2001", "(cn=しちょう)"), "mobile: 09099990000", "0311112222"},
		{"XML", read("desk", "yealink"), "<Name>区役所</Name>", "市長"},
		{"XML of a department", read("desk-2001", "grandstream?q=shicho"), "<LastName>市長</LastName>", "区役所"},
		{"its missed calls", read("desk-2001", "yealink/missed"), " 区役所</Name><Telephone label=\"work\">0311112222</Telephone>", "市長"},
		{"its placed calls", read("desk-2001", "yealink/placed"), "200", "区役所"},
		{"missed calls of nobody", read("desk", "yealink/missed"), "403", "区役所"},
		{"XML without the right account", read("nobody", "yealink"), "401", "区役所"},
	} {
		if !strings.Contains(c.got, c.want) || strings.Contains(c.got, c.not) {
			t.Errorf("%s: want %q and not %q:\n%s", c.name, c.want, c.not, c.got)
		}
	}
	secrets("new-")
	if got := search("desk", "(cn=*)"); !strings.Contains(got, "Invalid credentials") {
		t.Errorf("LDAP with a secret that has ended:\n%s", got)
	}
	if got := read("desk", "yealink"); strings.TrimSpace(got) != "401" {
		t.Errorf("XML with a secret that has ended:\n%s", got)
	}
	if s := l.p.ldap.Stats(); s.Searches < 4 || s.Failures == 0 {
		t.Errorf("%+v", s)
	}
}

// portForLDAP is one that nobody listened on a moment ago.
func portForLDAP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
