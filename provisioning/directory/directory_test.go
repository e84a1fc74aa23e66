package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domA = "a.example"
	domB = "b.example"
)

func system() provisioning.Subject { return provisioning.Subject{System: true} }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func openStore(t testing.TB, keep int64) *store.Store {
	t.Helper()
	dir := t.TempDir()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "pbx.db"), Sealer: keys, KeepChanges: keep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	update(t, s, func(w provisioning.Writer) error {
		_, err1 := w.Put(domA, provisioning.Domain{Name: domA}, "")
		_, err2 := w.Put(domB, provisioning.Domain{Name: domB}, "")
		return errors.Join(err1, err2)
	})
	return s
}

func update(t testing.TB, s provisioning.Store, fn func(provisioning.Writer) error) (v provisioning.Version) {
	t.Helper()
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		err := fn(w)
		v = w.Version()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func follow(t testing.TB, s provisioning.Store) *Directory {
	t.Helper()
	d, err := New(t.Context(), s, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func wait(t testing.TB, d *Directory, v provisioning.Version) *Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.WaitVersion(ctx, v); err != nil {
		t.Fatalf("version %d: %v", v, err)
	}
	return d.Snapshot()
}

func puts(w provisioning.Writer, domain string, entities ...provisioning.Entity) error {
	for _, e := range entities {
		if _, err := w.Put(domain, e, ""); err != nil {
			return fmt.Errorf("%s %s: %w", e.Kind(), e.Key(), err)
		}
	}
	return nil
}

func office(t testing.TB, s provisioning.Store) provisioning.Version {
	return update(t, s, func(w provisioning.Writer) error {
		err := puts(w, domA,
			provisioning.User{Name: "taro"}, provisioning.User{Name: "left", Disabled: true},
			provisioning.RecordingPolicy{Name: "always", Record: provisioning.RecordAlways}, provisioning.RecordingPolicy{Name: "own"},
			provisioning.Site{Name: "hall", EmergencyNumber: "+81312340000", Networks: []string{"10.0.0.0/8"}},
			provisioning.Site{Name: "annex", EmergencyNumber: "+81312340001", Networks: []string{"10.1.0.0/16", "2001:db8::/32"}},
			provisioning.Extension{Number: "2001", User: "taro", Record: "own"}, provisioning.Extension{Number: "2000", User: "taro"},
			provisioning.Extension{Number: "2002", Disabled: true}, provisioning.Extension{Number: "2003", User: "left"}, provisioning.Extension{Number: "2004"},
			provisioning.DID{Number: "+81312345678", To: []string{"2001"}, Policy: "always"},
			provisioning.DID{Number: "+81312345679", To: []string{"2001"}},
			provisioning.Trunk{Name: "ntt", Host: "192.0.2.1", Sources: []string{"192.0.2.0/24", "198.51.100.0/24"}, Prefixes: []string{"0", "010"}},
			provisioning.Trunk{Name: "kddi", Host: "192.0.2.2", Sources: []string{"192.0.2.2/32", "2001:db8::/32"}, Prefixes: []string{"0", "+81"}},
			provisioning.Trunk{Name: "off", Host: "192.0.2.3", Sources: []string{"203.0.113.0/24"}, Prefixes: []string{"00"}, Disabled: true},
		)
		for _, n := range []string{"2001", "2002", "2003"} {
			_, cred := secret.NewSIPSecret(n, domA)
			err = errors.Join(err, w.PutSecret(domA, provisioning.SecretSIP, n, cred.Encode()))
		}
		return errors.Join(err, w.PutSecret(domA, provisioning.SecretTrunk, "ntt", []byte("carrier password")),
			puts(w, domB, provisioning.Extension{Number: "2001", Display: "of b"},
				provisioning.DID{Number: "+81611111111", To: []string{"2001"}},
				provisioning.Trunk{Name: "ntt", Host: "192.0.2.1", Sources: []string{"192.0.2.0/24"}}))
	})
}

func TestLookups(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	snap := wait(t, d, office(t, s))

	if e, ok := snap.Extension(domB, "2001"); !ok || e.Display != "of b" {
		t.Error("extension of the other domain")
	}
	for _, c := range []struct {
		domain, key string
		want        [6]bool // user, extension, DID, trunk, policy, credential
	}{
		{domA, "taro", [6]bool{0: true}},
		{domA, "2001", [6]bool{1: true, 5: true}},
		{domA, "2002", [6]bool{1: true}}, // disabled
		{domA, "2003", [6]bool{1: true}}, // its owner is disabled
		{domA, "2004", [6]bool{1: true}}, // has no password
		{domA, "+81312345678", [6]bool{2: true}},
		{domA, "ntt", [6]bool{3: true}},
		{domA, "off", [6]bool{3: true}},
		{domA, "always", [6]bool{4: true}},
		{domA, "", [6]bool{}},
		{domB, "taro", [6]bool{}},
		{domB, "+81312345678", [6]bool{}},
		{"", "2001", [6]bool{}},
		{"c.example", "2001", [6]bool{}},
	} {
		var got [6]bool
		_, got[0] = snap.User(c.domain, c.key)
		_, got[1] = snap.Extension(c.domain, c.key)
		_, got[2] = snap.DID(c.domain, c.key)
		_, got[3] = snap.Trunk(c.domain, c.key)
		_, got[4] = snap.Policy(c.domain, c.key)
		_, got[5] = snap.Credential(c.domain, c.key)
		if got != c.want {
			t.Errorf("%q %q: %v, want %v", c.domain, c.key, got, c.want)
		}
	}
	for number, want := range map[string]string{"+81312345678": "always", "+81312345679": "", "2001": "own", "2000": "", "9": ""} {
		if p, ok := snap.PolicyOf(domA, number); p.Name != want || ok != (want != "") {
			t.Errorf("policy of %s: %q", number, p.Name)
		}
	}
	if got := snap.Owned(domA, "taro"); strings.Join(got, " ") != "2000 2001" {
		t.Errorf("owned: %v", got)
	}
	p, ok := snap.TrunkPassword(domA, "ntt")
	c, _ := snap.Credential(domA, "2001")
	if !ok || p.Reveal() != "carrier password" || c.HA1MD5 == "" {
		t.Error("trunk password or credential is missing")
	}
	inside := *snap.domains[domA]
	printed := fmt.Sprintf("%v %+v %#v %d %v %+v %#v", p, snap, snap, c, inside, inside, inside)
	if strings.Contains(printed, "carrier p") || strings.Contains(printed, c.HA1MD5) || strings.Contains(printed, c.HA1SHA256) {
		t.Error("a secret is printed")
	}
	if tr, _ := snap.Trunk(domA, "ntt"); !tr.HasSecret {
		t.Error("trunk does not say that it has a secret")
	}
}

func TestTrunks(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	snap := wait(t, d, office(t, s))
	for dialled, want := range map[string]string{
		"0312345678": "0 kddi ntt", "0100": "010 ntt", "01": "0 kddi ntt", "0011": "0 kddi ntt", "+8131": "+81 kddi", "+1": "", "": "", "2001": "",
	} {
		list, prefix := snap.TrunksFor(domA, dialled)
		got := prefix
		for _, tr := range list {
			got += " " + tr.Name
		}
		if got != want {
			t.Errorf("dialled %q: %q, want %q", dialled, got, want)
		}
	}
	if list, _ := snap.TrunksFor(domB, "0"); list != nil {
		t.Error("trunks of another domain")
	}
	var all []string
	for _, tr := range snap.Trunks(domA) {
		all = append(all, tr.Name)
	}
	if strings.Join(all, " ") != "kddi ntt" || snap.Trunks("nowhere") != nil {
		t.Errorf("all trunks: %q", all)
	}
	for addr, want := range map[string]string{
		"192.0.2.2": "a.example/kddi a.example/ntt b.example/ntt", "192.0.2.77": "a.example/ntt b.example/ntt", "::ffff:198.51.100.9": "a.example/ntt",
		"2001:db8:1::1": "a.example/kddi", "203.0.113.1": "", "10.0.0.1": "", "::1": "", "2001:db9::1": "",
	} {
		var got []string
		for _, at := range snap.TrunksFrom(netip.MustParseAddr(addr)) {
			got = append(got, at.Domain+"/"+at.Trunk.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("from %s: %v, want %s", addr, got, want)
		}
	}
	if got := snap.TrunksFrom(netip.Addr{}); got != nil {
		t.Errorf("from nowhere: %v", got)
	}
	for number, want := range map[string]string{"+81312345678": "a.example/kddi", "+81611111111": "b.example/ntt", "+81": "/"} {
		at, did, ok := snap.DIDFrom(netip.MustParseAddr("192.0.2.2"), number)
		if at.Domain+"/"+at.Trunk.Name != want || ok != (did.Number == number) {
			t.Errorf("call from a carrier to %s: %s/%s, %v", number, at.Domain, at.Trunk.Name, ok)
		}
	}
	if _, _, ok := snap.DIDFrom(netip.MustParseAddr("10.0.0.1"), "+81312345678"); ok {
		t.Error("a stranger's address reaches a DID as carrier")
	}
}

// TestIncrementEqualsWhole: random transactions; after each the snapshot made of changes is the one read as a whole.
func TestIncrementEqualsWhole(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	v := office(t, s)
	rapid.Check(t, func(rt *rapid.T) {
		v = update(t, s, func(w provisioning.Writer) error {
			for range rapid.IntRange(1, 6).Draw(rt, "steps") {
				if err := step(rt, w); err != nil && !allowed(err) {
					return err
				}
			}
			return nil
		})
		got := wait(t, d, v)
		var want *Snapshot
		if err := s.View(t.Context(), func(r provisioning.Reader) (err error) { want, err = whole(r, policy.New()); return err }); err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("incremental snapshot differs:\n%s\n%s", dump(got), dump(want))
		}
	})
	if st := d.Stats(); st.Wholes != 1 || st.Increments == 0 {
		t.Errorf("snapshots were not made of changes: %+v", st)
	}
}

func allowed(err error) bool {
	var i *provisioning.Invalid
	return errors.Is(err, provisioning.ErrInUse) || errors.Is(err, provisioning.ErrNotFound) || errors.As(err, &i)
}

func dump(s *Snapshot) string {
	out := fmt.Sprintf("version %d, sources %+v\n", s.version, s.sources)
	for name, d := range s.domains {
		out += fmt.Sprintf("%s %+v\n", name, *d)
	}
	return out
}

func step(rt *rapid.T, w provisioning.Writer) error {
	domain := rapid.SampledFrom([]string{domA, domB, "c.example"}).Draw(rt, "domain")
	ext := rapid.SampledFrom([]string{"2001", "2002", "2003"}).Draw(rt, "ext")
	user := rapid.SampledFrom([]string{"", "taro", "left"}).Draw(rt, "user")
	flag := rapid.Bool().Draw(rt, "flag")
	trunk := provisioning.Trunk{Name: "t" + user, Host: "192.0.2.1", Disabled: flag, Prefixes: []string{"0" + ext}, Sources: []string{"10.0." + ext[3:] + ".0/24"}}
	entities := []provisioning.Entity{
		provisioning.Domain{Name: domain, AllowMD5: flag}, provisioning.Extension{Number: ext, User: user, Disabled: flag}, trunk,
		provisioning.DID{Number: "+8131234567" + ext[3:], To: []string{ext}}, provisioning.User{Name: "u" + ext, Disabled: flag},
		provisioning.RecordingPolicy{Name: "p" + ext, Record: map[bool]provisioning.RecordMode{true: provisioning.RecordAlways}[flag]},
		provisioning.Site{Name: "s" + ext, EmergencyNumber: "+81312340000", Networks: []string{"10." + ext[3:] + ".0.0/16"}},
		provisioning.Contact{ID: "c" + ext, Name: "n" + user, Numbers: []provisioning.ContactNumber{{Kind: "work", Number: ext}, {Kind: "mobile", Number: "090-0000-0000"}}},
		provisioning.BookAccount{Name: "a" + ext, Disabled: flag},
		provisioning.Domain{Name: domain, CountryCode: map[bool]string{true: "81", false: "49"}[flag]},
	}
	e := entities[rapid.IntRange(0, len(entities)-1).Draw(rt, "entity")]
	switch rapid.IntRange(0, 4).Draw(rt, "do") {
	case 0:
		return w.Delete(domain, e.Kind(), e.Key(), "")
	case 1:
		if flag {
			return w.PutSecret(domain, provisioning.SecretBookAccount, "a"+ext, provisioning.BookProof(user))
		}
		return w.PutSecret(domain, provisioning.SecretSIP, ext, provisioning.SIPCredential{HA1MD5: user}.Encode())
	case 2:
		var plain []byte
		if flag {
			plain = []byte(user)
		}
		return w.PutSecret(domain, provisioning.SecretTrunk, trunk.Name, plain)
	default:
		_, err := w.Put(domain, e, "")
		return err
	}
}

// TestNeverHalfATransaction: two extensions always change together; no snapshot shows them apart.
func TestNeverHalfATransaction(t *testing.T) {
	s := openStore(t, 0)
	pair := func(i int) provisioning.Version {
		return update(t, s, func(w provisioning.Writer) error {
			return puts(w, domA, provisioning.Extension{Number: "1", Display: fmt.Sprint(i)}, provisioning.Extension{Number: "2", Display: fmt.Sprint(i)})
		})
	}
	pair(0)
	d := follow(t, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			snap := d.Snapshot()
			a, _ := snap.Extension(domA, "1")
			b, _ := snap.Extension(domA, "2")
			if a.Display != b.Display {
				t.Errorf("half a transaction: %q and %q", a.Display, b.Display)
				return
			}
			if a.Display == "60" {
				return
			}
			if d.WaitVersion(t.Context(), snap.Version()+1) != nil {
				return
			}
		}
	}()
	for i := range 60 {
		pair(i + 1)
	}
	<-done
}

// TestFallsBehind: a feed that was cut, and a batch too large, are read as a whole.
func TestFallsBehind(t *testing.T) {
	s := openStore(t, 50)
	d := follow(t, s)
	for round := range 3 {
		v := update(t, s, func(w provisioning.Writer) error {
			for i := range 300 {
				if err := puts(w, domA, provisioning.Extension{Number: fmt.Sprint(1000 + i), Display: fmt.Sprint(round)}); err != nil {
					return err
				}
			}
			return nil
		})
		if e, ok := wait(t, d, v).Extension(domA, "1299"); !ok || e.Display != fmt.Sprint(round) {
			t.Fatalf("round %d: %+v", round, e)
		}
	}
	if d.Stats().Wholes < 2 {
		t.Errorf("the feed was never cut: %+v", d.Stats())
	}
}

func TestCloseAndErrors(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.WaitVersion(ctx, 1<<40); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with an ended context: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- d.WaitVersion(t.Context(), 1<<40) }()
	if err := s.Close(); err != nil { // the store may go first: the last state stays
		t.Error(err)
	}
	if err := <-waiting; !errors.Is(err, provisioning.ErrClosed) {
		t.Errorf("waiting on a closed directory: %v", err)
	}
	if _, ok := d.Snapshot().Domain(domA); !ok {
		t.Error("the last snapshot is gone")
	}
	if _, err := New(t.Context(), s, quiet()); !errors.Is(err, provisioning.ErrClosed) {
		t.Errorf("a directory of a closed store: %v", err)
	}
	if err := (&Directory{stop: func() {}, done: d.done}).Close(); err != nil {
		t.Error(err)
	}
}

// A device is where its address is; the narrowest network decides.
func TestSiteFrom(t *testing.T) {
	s := openStore(t, 0)
	v := office(t, s)
	snap := wait(t, follow(t, s), v)
	for addr, want := range map[string]string{"10.2.0.1": "hall", "10.1.2.3": "annex", "::ffff:10.1.2.3": "annex", "2001:db8::1": "annex", "192.0.2.1": ""} {
		if site, ok := snap.SiteFrom(domA, netip.MustParseAddr(addr)); site.Name != want || ok != (want != "") {
			t.Errorf("%s: %q, want %q", addr, site.Name, want)
		}
	}
	for addr, want := range map[string]bool{"10.2.0.1": false, "::ffff:10.1.2.3": false, "192.0.2.1": true} {
		if got := snap.Outside(domA, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s outside: %v", addr, got)
		}
	}
	if snap.Outside(domB, netip.MustParseAddr("192.0.2.1")) {
		t.Error("outside of a domain whose sites have no networks")
	}
	if _, ok := snap.SiteFrom(domB, netip.MustParseAddr("10.2.0.1")); ok {
		t.Error("the site of another domain")
	}
	if site, ok := snap.Site(domA, "hall"); !ok || site.EmergencyNumber != "+81312340000" {
		t.Errorf("%+v", site)
	}
}
