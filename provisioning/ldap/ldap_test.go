package ldap

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a directory with one account.
type office struct {
	secret string
	book   *book.Book
}

func (o office) BookLogin(domain, account string, secret []byte) (book.Viewer, bool) {
	return book.Viewer{}, domain == "pbx.example.jp" && account == "desk" && string(secret) == o.secret
}

func (o office) Book(string) *book.Book { return o.book }

func people() *book.Book {
	person := func(id, name, reading, department string, numbers ...provisioning.ContactNumber) *book.Entry {
		return book.Of(provisioning.Contact{ID: id, Name: name, Reading: reading, Department: department, Numbers: numbers, Email: id + "@example.jp"}, "81")
	}
	work := func(n string) provisioning.ContactNumber {
		return provisioning.ContactNumber{Kind: provisioning.NumberWork, Number: n}
	}
	private := book.Of(provisioning.Contact{ID: "mayor", Name: "市長", Reading: "しちょう", Visible: provisioning.Visibility{Departments: []string{"秘書課"}}}, "81")
	return (*book.Book)(nil).With([]*book.Entry{
		person("yamada", "山田 太郎", "ヤマダ タロウ", "福祉課", work("03-1234-5678"), provisioning.ContactNumber{Kind: provisioning.NumberMobile, Number: "090-1111-2222"}),
		person("yamazaki", "山崎 花子", "やまざき はなこ", "税務課", work("03-1234-0000")),
		person("o+k", "Smith, \"O\"", "", "", work("+1 212 555 0100")), private,
		book.OfExtension(provisioning.Extension{Number: "2001", Display: "内線 一"}, "81"),
	}, nil)
}

// rig is a server on loopback, by itself and behind TLS.
type rig struct {
	*Server
	plain, secure string
	ca            string // file
	dir           atomic.Pointer[office]
}

func newRig(t testing.TB) *rig {
	t.Helper()
	cert, ca := certificate(t)
	r := &rig{ca: ca}
	r.dir.Store(&office{"right", people()})
	r.Server = New(Config{Directory: func() Directory { return *r.dir.Load() }, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Log: slog.New(slog.DiscardHandler)})
	for _, secure := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.Serve(l, secure)
		if secure {
			r.secure = l.Addr().String()
		} else {
			r.plain = l.Addr().String()
		}
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func certificate(t testing.TB) (tls.Certificate, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// client sends raw messages.
type client struct {
	t  testing.TB
	c  net.Conn
	in *bufio.Reader
	id int
}

func (r *rig) client(t testing.TB) *client {
	c, err := net.Dial("tcp", r.plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t: t, c: c, in: bufio.NewReader(c)}
}

func (c *client) send(op []byte, more ...[]byte) {
	c.id++
	c.raw(put(tagSequence, append([][]byte{putInteger(tagInteger, c.id), op}, more...)...))
}

func (c *client) raw(b []byte) {
	if _, err := c.c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// result reads to the answer of an operation: its code, and the entries before it.
func (c *client) result() (code int, entries []string) {
	c.t.Helper()
	for {
		var b []byte
		for {
			_, _, size, need, err := header(b)
			if err != nil {
				c.t.Fatal(err)
			}
			if !need && len(b) == size {
				break
			}
			next, err := c.in.ReadByte()
			if err != nil {
				return -1, entries
			}
			b = append(b, next)
		}
		m, err := parseMessage(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r := &reader{rest: m.op.body}
		if m.op.tag == opSearchEntry {
			entries = append(entries, r.text(tagOctets))
			continue
		}
		return r.integer(tagEnumerated), entries
	}
}

func bindRequest(version int, name, secret string) []byte {
	return put(opBind, putInteger(tagInteger, version), putText(tagOctets, name), putText(0x80, secret))
}

func searchRequest(base string, scope, size int, filter []byte) []byte {
	return put(opSearch, putText(tagOctets, base), putInteger(tagEnumerated, scope), putInteger(tagEnumerated, 0), putInteger(tagInteger, size), putInteger(tagInteger, 5),
		put(tagBoolean, []byte{0}), filter, put(tagSequence, putText(tagOctets, "cn")))
}

const (
	deskDN = "cn=desk,dc=pbx,dc=example,dc=jp"
	baseDN = "dc=pbx,dc=example,dc=jp"
)

var present = putText(filterPresent, "objectClass")

func TestBind(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name string
		op   []byte
		want int
	}{
		{"right", bindRequest(3, deskDN, "right"), resultSuccess},
		{"right, below an ou", bindRequest(3, "uid=Desk, ou=phones, DC=pbx,dc=example,dc=jp", "right"), resultSuccess},
		{"right, as an address", bindRequest(3, "desk@pbx.example.jp", "right"), resultSuccess},
		{"wrong", bindRequest(3, deskDN, "wrong"), resultInvalidCredentials},
		{"another domain", bindRequest(3, "cn=desk,dc=other", "right"), resultInvalidCredentials},
		{"no name of an account", bindRequest(3, "o=desk", "right"), resultInvalidCredentials},
		{"without a secret", bindRequest(3, deskDN, ""), resultUnwilling},
		{"nobody", bindRequest(3, "", ""), resultSuccess},
		{"version 2", bindRequest(2, deskDN, "right"), resultProtocolError},
		{"SASL", put(opBind, putInteger(tagInteger, 3), putText(tagOctets, ""), put(0xa3, putText(tagOctets, "PLAIN"))), resultAuthNotSupported},
	} {
		cl := r.client(t)
		cl.send(c.op)
		if got, _ := cl.result(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		cl.send(searchRequest(baseDN, scopeSubtree, 0, present))
		want := resultInsufficient
		if strings.HasPrefix(c.name, "right") {
			want = resultSuccess
		}
		if got, list := cl.result(); got != want || want != 0 && len(list) > 0 {
			t.Errorf("a search after %s: %d %v", c.name, got, list)
		}
	}
}

// TestGuessing: after some wrong secrets of one address more are told to wait, whatever the account; a right one never is, since a telephone with
// an old secret may stand behind the same address.
func TestGuessing(t *testing.T) {
	r := newRig(t)
	cl := r.client(t)
	for range book.WrongSecrets {
		cl.send(bindRequest(3, deskDN, "wrong"))
		if got, _ := cl.result(); got != resultInvalidCredentials {
			t.Fatalf("a wrong secret: %d", got)
		}
	}
	for _, c := range []struct {
		name, secret string
		want         int
	}{{deskDN, "wrong", resultBusy}, {strings.Replace(deskDN, "desk", "other", 1), "wrong", resultBusy}, {deskDN, "right", resultSuccess}, {deskDN, "wrong", resultBusy}} {
		cl.send(bindRequest(3, c.name, c.secret))
		if got, _ := cl.result(); got != c.want {
			t.Errorf("%s, %s, after many: %d, want %d", c.name, c.secret, got, c.want)
		}
	}
}

// TestAccountEnds: a telephone that is connected sees nothing more once its account has another secret.
func TestAccountEnds(t *testing.T) {
	r := newRig(t)
	cl := r.client(t)
	cl.send(bindRequest(3, deskDN, "right"))
	cl.result()
	r.dir.Store(&office{"another", people()})
	cl.send(searchRequest(baseDN, scopeSubtree, 0, present))
	if got, list := cl.result(); got != resultInsufficient || len(list) > 0 {
		t.Errorf("%d %v", got, list)
	}
}

func TestSearch(t *testing.T) {
	r := newRig(t)
	cl := r.client(t)
	cl.send(bindRequest(3, deskDN, "right"))
	cl.result()
	sub := func(name string, parts ...[]byte) []byte {
		return put(filterSubstrings, putText(tagOctets, name), put(tagSequence, parts...))
	}
	begins := func(name, s string) []byte { return sub(name, putText(0x80, s)) }
	eq := func(name, s string) []byte { return put(filterEqual, putText(tagOctets, name), putText(tagOctets, s)) }
	const yamada, yamazaki, smith, ext = "contact/yamada", "contact/yamazaki", `contact/o\+k`, "extension/2001"
	for _, c := range []struct {
		name   string
		base   string
		scope  int
		filter []byte
		code   int
		want   []string
	}{
		{"all", baseDN, scopeSubtree, present, 0, []string{smith, yamazaki, yamada, ext}},
		{"all, of telephones that ask below ou=people", "ou=People, DC=PBX, dc=example,dc=jp", scopeOne, present, 0, []string{smith, yamazaki, yamada, ext}},
		{"without a base", "", scopeSubtree, present, 0, []string{smith, yamazaki, yamada, ext}},
		{"kana", baseDN, scopeSubtree, begins("cn", "やま"), 0, []string{yamazaki, yamada}},
		{"katakana", baseDN, scopeSubtree, begins("sn", "ヤマダ"), 0, []string{yamada}},
		{"half width", baseDN, scopeSubtree, begins("displayName;lang-ja;phonetic", "ﾔﾏﾀﾞ"), 0, []string{yamada}},
		{"kanji", baseDN, scopeSubtree, begins("cn", "山田"), 0, []string{yamada}},
		{"given name", baseDN, scopeSubtree, begins("givenName", "たろう"), 0, []string{yamada}},
		{"rōmaji", baseDN, scopeSubtree, begins("cn", "Yamaz"), 0, []string{yamazaki}},
		{"the end", baseDN, scopeSubtree, sub("cn", putText(0x82, "花子")), 0, []string{yamazaki}},
		{"in between", baseDN, scopeSubtree, sub("cn", putText(0x80, "や"), putText(0x81, "ざ"), putText(0x82, "こ")), 0, []string{yamazaki}},
		{"number", baseDN, scopeSubtree, begins("telephoneNumber", "0312345"), 0, []string{yamada}},
		{"number abroad", baseDN, scopeSubtree, begins("telephoneNumber", "+81312340"), 0, []string{yamazaki}},
		{"a mobile is no telephoneNumber", baseDN, scopeSubtree, begins("telephoneNumber", "090"), 0, nil},
		{"mobile", baseDN, scopeSubtree, begins("mobile", "090"), 0, []string{yamada}},
		{"extension", baseDN, scopeSubtree, eq("ipPhone", "2001"), 0, []string{ext}},
		{"equality", baseDN, scopeSubtree, eq("cn", "ヤマダ・タロウ"), 0, []string{yamada}},
		{"approximately", baseDN, scopeSubtree, put(filterApprox, putText(tagOctets, "cn"), putText(tagOctets, "やまさき")), 0, []string{yamazaki}},
		{"department", baseDN, scopeSubtree, eq("ou", "福祉課"), 0, []string{yamada}},
		{"or", baseDN, scopeSubtree, put(filterOr, eq("ipPhone", "2001"), begins("cn", "smith")), 0, []string{smith, ext}},
		{"and not", baseDN, scopeSubtree, put(filterAnd, begins("cn", "やま"), put(filterNot, eq("ou", "税務課"))), 0, []string{yamada}},
		{"what nobody knows is not even not", baseDN, scopeSubtree, put(filterNot, eq("shoeSize", "42")), 0, nil},
		{"nothing is ordered", baseDN, scopeSubtree, put(filterGreater, putText(tagOctets, "cn"), putText(tagOctets, "a")), 0, nil},
		{"one entry", "uid=contact/yamada," + baseDN, scopeBase, present, 0, []string{yamada}},
		{"one whose name is escaped", `uid=contact/o\+k,` + baseDN, scopeSubtree, present, 0, []string{smith}},
		{"below one entry", "uid=contact/yamada," + baseDN, scopeOne, present, 0, nil},
		{"no such entry", "uid=contact/nobody," + baseDN, scopeBase, present, resultNoSuchObject, nil},
		{"one that is not shown", "uid=contact/mayor," + baseDN, scopeBase, present, resultNoSuchObject, nil},
		{"another domain", "dc=other", scopeSubtree, present, resultNoSuchObject, nil},
	} {
		cl.send(searchRequest(c.base, c.scope, 0, c.filter))
		code, dns := cl.result()
		var got []string
		for _, dn := range dns {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(dn, "uid="), ","+baseDN))
		}
		if code != c.code || !slices.Equal(got, c.want) {
			t.Errorf("%s: %d %q, want %d %q", c.name, code, got, c.code, c.want)
		}
	}
	cl.send(searchRequest(baseDN, scopeSubtree, 2, present))
	if code, list := cl.result(); code != resultSizeLimit || len(list) != 2 {
		t.Errorf("size limit: %d, %d entries", code, len(list))
	}
	cl.send(put(0x68, putText(tagOctets, "uid=x,"+baseDN), put(tagSequence)))
	if code, _ := cl.result(); code != resultInsufficient {
		t.Errorf("an entry is added: %d", code)
	}
	cl.send(searchRequest(baseDN, scopeSubtree, 0, present), put(0xa0, put(tagSequence, putText(tagOctets, "1.2.3"), put(tagBoolean, []byte{255}))))
	if code, _ := cl.result(); code != resultUnavailableCrit {
		t.Errorf("a critical control: %d", code)
	}
	cl.send(put(opAbandon, []byte{1}))
	cl.send(putText(opUnbind, ""))
	if code, _ := cl.result(); code != -1 {
		t.Errorf("after unbind: %d", code)
	}
}

// TestStrangers: what is no LDAP, or too much of it, ends the connection with a word, and nothing else.
func TestStrangers(t *testing.T) {
	r := newRig(t)
	deep := present
	for range maxDepth + 2 {
		deep = put(filterNot, deep)
	}
	var wide [][]byte
	for range maxFilter + 1 {
		wide = append(wide, present)
	}
	for name, b := range map[string][]byte{
		"HTTP": []byte("GET / HTTP/1.1\r\n\r\n"), "indefinite length": {0x30, 0x80, 0, 0}, "huge": {0x30, 0x84, 0x7f, 0xff, 0xff, 0xff},
		"five octets of length": {0x30, 0x85, 0, 0, 0, 0, 1}, "no operation": put(tagSequence, putInteger(tagInteger, 1)), "unknown operation": put(tagSequence, putInteger(tagInteger, 1), put(0x7f)),
		"deep": put(tagSequence, putInteger(tagInteger, 1), searchRequest(baseDN, scopeSubtree, 0, deep)),
		"wide": put(tagSequence, putInteger(tagInteger, 1), searchRequest(baseDN, scopeSubtree, 0, put(filterOr, wide...))),
	} {
		cl := r.client(t)
		cl.raw(b)
		if code, _ := cl.result(); code != resultProtocolError && code != -1 {
			t.Errorf("%s: %d", name, code)
		}
		if code, _ := cl.result(); code != -1 {
			t.Errorf("%s: the connection lives: %d", name, code)
		}
	}
	if r.Stats().Broken == 0 {
		t.Error("nothing was counted")
	}
	var open []*client
	for range maxPerAddress {
		cl := r.client(t)
		cl.send(bindRequest(3, "", ""))
		if code, _ := cl.result(); code != resultSuccess {
			t.Fatalf("connection %d: %d", len(open), code)
		}
		open = append(open, cl)
	}
	one := r.client(t)
	_, _ = one.c.Write(put(tagSequence, putInteger(tagInteger, 1), bindRequest(3, "", "")))
	if code, _ := one.result(); code != -1 || r.Stats().Refused == 0 {
		t.Errorf("one connection too many: %d", code)
	}
}

// TestBehindOneNAT: telephones that have proved themselves keep their connections, however many stand behind one address. Those that have not are few, and a
// wrong secret makes one of them a stranger again.
func TestBehindOneNAT(t *testing.T) {
	r := newRig(t)
	bound := func() *client {
		cl := r.client(t)
		cl.send(bindRequest(3, deskDN, "right"))
		if code, _ := cl.result(); code != resultSuccess {
			t.Fatalf("bind: %d", code)
		}
		return cl
	}
	var phones []*client
	for range 3 * maxPerAddress {
		phones = append(phones, bound())
	}
	for _, cl := range phones {
		cl.send(searchRequest(baseDN, scopeSubtree, 1, present))
		if code, got := cl.result(); code == -1 || len(got) == 0 {
			t.Fatalf("a telephone lost its connection: %d", code)
		}
	}
	for _, cl := range phones[:maxPerAddress] {
		cl.send(bindRequest(3, deskDN, "wrong"))
		cl.result()
	}
	one := r.client(t)
	_, _ = one.c.Write(put(tagSequence, putInteger(tagInteger, 1), bindRequest(3, deskDN, "right")))
	if code, _ := one.result(); code != -1 || r.Stats().Refused != 1 {
		t.Errorf("one stranger too many: %d", code)
	}
	phones[0].send(bindRequest(3, deskDN, "right"))
	if code, _ := phones[0].result(); code != resultSuccess {
		t.Errorf("a telephone that finds its secret: %d", code)
	}
	bound()
	for len(phones) < maxBehindOne-1 { // bound just now: one more
		phones = append(phones, bound())
	}
	one = r.client(t)
	_, _ = one.c.Write(put(tagSequence, putInteger(tagInteger, 1), bindRequest(3, deskDN, "right")))
	if code, _ := one.result(); code != -1 || r.Stats().Refused != 2 {
		t.Errorf("more from one address than all may be: %d", code)
	}
}

// TestLDAPSearch: Debian's client, over LDAPS and StartTLS, with kana, escapes and a wrong secret.
func TestLDAPSearch(t *testing.T) {
	if _, err := exec.LookPath("ldapsearch"); err != nil {
		t.Fatal("ldap-utils is not here: loadtest/install.sh installs it")
	}
	r := newRig(t)
	run := func(url, secret string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "ldapsearch", append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=20", "-H", url, "-D", deskDN, "-w", secret, "-b", baseDN}, args...)...)
		cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+r.ca, "LDAPTLS_REQCERT=demand")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	tlsURL, plainURL := "ldaps://"+r.secure, "ldap://"+r.plain
	for name, c := range map[string]struct {
		url  string
		args []string
		want []string
	}{
		"kana over LDAPS":   {tlsURL, []string{"(|(cn=ヤマダ*)(sn=ヤマダ*))", "cn", "telephoneNumber", "mobile", "displayName;lang-ja;phonetic"}, []string{"telephoneNumber: 0312345678", "mobile: 09011112222", "cn:: 5bGx55SwIOWkqumDjg=="}},
		"number, StartTLS":  {plainURL, []string{"-ZZ", "(telephoneNumber=03-1234-0000)", "mail"}, []string{"mail: yamazaki@example.jp"}},
		"all attributes":    {tlsURL, []string{"(uid=contact/o+k)"}, []string{`dn: uid=contact/o\+k,` + baseDN, "objectClass: inetOrgPerson", "telephoneNumber: +12125550100", `cn: Smith, "O"`}},
		"and, not, present": {tlsURL, []string{"(&(ipPhone=*)(!(mail=*)))", "ipPhone"}, []string{"ipPhone: 2001"}},
	} {
		out, err := run(c.url, "right", c.args...)
		for _, want := range c.want {
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: %q is missing (%v):\n%s", name, want, err, out)
			}
		}
		if strings.Count(out, "dn: ")+strings.Count(out, "dn:: ") != 1 {
			t.Errorf("%s: not one entry:\n%s", name, out)
		}
	}
	if out, err := run(tlsURL, "wrong", "(cn=*)"); err == nil || !strings.Contains(out, "Invalid credentials") {
		t.Errorf("a wrong secret: %v %s", err, out)
	}
	if out, err := run(tlsURL, "right", "-z", "1", "(cn=*)", "cn"); err == nil || !strings.Contains(out, "Size limit exceeded") {
		t.Errorf("size limit: %v %s", err, out)
	}
}

// TestNoSecretInTheOpen: from another machine an account is proved over TLS alone, and a right secret is not told from a wrong one before.
func TestNoSecretInTheOpen(t *testing.T) {
	r := newRig(t)
	c := &session{server: r.Server, from: netip.MustParseAddr("192.0.2.7")}
	for _, secret := range []string{"right", "wrong"} {
		if got, _ := c.proves(bind{version: 3, simple: true, name: deskDN, secret: []byte(secret)}); got != resultConfidentiality || c.account != "" {
			t.Errorf("%s: %d", secret, got)
		}
	}
	c.secure = true
	if got, _ := c.proves(bind{version: 3, simple: true, name: deskDN, secret: []byte("right")}); got != resultSuccess || c.account != "desk" {
		t.Errorf("over TLS: %d", got)
	}
}
