package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
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

// carrierNAT carries connections to the directory as from another address, until they are forgotten.
type carrierNAT struct {
	net.Listener
	work sync.WaitGroup

	mu   sync.Mutex
	as   string
	open []net.Conn
}

func newCarrierNAT(t *testing.T, as, to string) *carrierNAT {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &carrierNAT{Listener: l, as: as}
	n.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.carry(c, to)
		}
	})
	t.Cleanup(func() { _ = l.Close(); n.forget(""); n.work.Wait() })
	return n
}

func (n *carrierNAT) carry(c net.Conn, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(n.as)}}
	up, err := d.Dial("tcp", to)
	if err != nil {
		_ = c.Close()
		return
	}
	n.open = append(n.open, c, up)
	for _, pair := range [][2]net.Conn{{c, up}, {up, c}} {
		n.work.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_, _ = pair[0].Close(), pair[1].Close()
		})
	}
}

// forget ends what is open; the next one comes from another address.
func (n *carrierNAT) forget(as string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.as = as
	for _, c := range n.open {
		_ = c.Close()
	}
	n.open = nil
}

// TestPhoneBookOfMobiles: mobiles read the directory by LDAPS from behind their carrier's NAT: many of them from one address, while one that has an old secret
// asks from there again and again; a connection that the NAT forgets is made anew, from whatever address. What each sees is what its account may.
func TestPhoneBookOfMobiles(t *testing.T) {
	t.Parallel()
	port := portForLDAP(t)
	l := newLab(t, func(c *Config) { c.LDAP.TLS = "127.0.0.1:" + port })
	domain := l.p.config.Domain
	base := "dc=" + strings.ReplaceAll(domain, ".", ",dc=")
	l.put(provisioning.Contact{ID: "mayor", Name: "市長", Reading: "しちょう", Numbers: []provisioning.ContactNumber{{Kind: "mobile", Number: "090-9999-0000"}}, Visible: provisioning.Visibility{Departments: []string{"秘書課"}}},
		provisioning.Extension{Number: "2001", Display: "秘書", Department: "秘書課", AllowMD5: true, Media: "srtp-preferred"},
		provisioning.BookAccount{Name: "mobile-2001", Extension: "2001"}, provisioning.BookAccount{Name: "mobile"})
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return errors.Join(w.PutSecret(domain, provisioning.SecretBookAccount, "mobile-2001", provisioning.BookProof("s-2001")),
			w.PutSecret(domain, provisioning.SecretBookAccount, "mobile", provisioning.BookProof("s-other")))
	})
	if err != nil {
		t.Fatal(err)
	}
	nat := newCarrierNAT(t, "127.0.0.31", "127.0.0.1:"+port)
	args := func(account, secret string) []string {
		return []string{"-x", "-LLL", "-H", "ldaps://" + nat.Addr().String(), "-D", "cn=" + account + "," + base, "-w", secret, "-b", base, "(cn=しちょう)", "mobile"}
	}
	search := func(account, secret string) string {
		cmd := exec.CommandContext(t.Context(), "ldapsearch", args(account, secret)...)
		cmd.Env = append(os.Environ(), "LDAPTLS_REQCERT=never")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	old := ""
	for range book.WrongSecrets + 2 {
		old = search("mobile", "s-old")
	}
	if !strings.Contains(old, "Server is busy") {
		t.Errorf("an old secret is tried without end:\n%s", old)
	}
	for _, c := range []struct{ account, secret, want string }{{"mobile-2001", "s-2001", "mobile: 09099990000"}, {"mobile", "s-other", ""}} {
		got := search(c.account, c.secret)
		if !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "mobile:") || strings.Contains(got, "ldap_bind") {
			t.Errorf("%s beside it, from the same address:\n%s", c.account, got)
		}
	}
	held, err := tls.Dial("tcp", nat.Addr().String(), &tls.Config{InsecureSkipVerify: true}) // one that stays open between two searches
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	nat.forget("127.0.0.32")
	if _, err := held.Read(make([]byte, 1)); err == nil {
		t.Error("the NAT forgot nothing")
	}
	if got := search("mobile-2001", "s-2001"); !strings.Contains(got, "mobile: 09099990000") {
		t.Errorf("from another address:\n%s", got)
	}
	if got := search("mobile", "s-old"); !strings.Contains(got, "Server is busy") {
		t.Errorf("another address gives new tries for an account:\n%s", got)
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
