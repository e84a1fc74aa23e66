package registrar

import (
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/sip"
)

const bareInstance = "urn:uuid:1c2e882b-b9ba-7524-0000-000000000001"

// gruus of the first contact of a 200 that has some.
func gruusOf(t *testing.T, contacts []string) (public, temporary sip.URI) {
	t.Helper()
	for _, c := range contacts {
		a, err := sip.ParseAddress(c)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := a.Params.Get("pub-gruu")
		x, also := a.Params.Get("temp-gruu")
		if !ok || !also {
			continue
		}
		if public, err = sip.ParseURI(p); err != nil {
			t.Fatal(err)
		}
		if temporary, err = sip.ParseURI(x); err != nil {
			t.Fatal(err)
		}
		return public, temporary
	}
	t.Fatalf("no GRUU in %q", contacts)
	return public, temporary
}

func TestGRUUs(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b := newBench(t, Config{Clock: func() time.Time { return now }})
	first := b.expect(200, udp, contact("a", "1"), ob)
	public, old := gruusOf(t, first.Lines("Contact"))
	if want := "sip:1001@example.test;gr=" + bareInstance; public.String() != want {
		t.Errorf("public %s, want %s", public, want)
	}
	if !strings.HasPrefix(old.User, gruuPrefix) || strings.Contains(old.String(), "1001") || strings.Contains(old.String(), "1c2e882b") {
		t.Errorf("temporary %s says whose it is", old)
	}
	names := func(u sip.URI, domain string, want bool) {
		t.Helper()
		g, ok := b.r.GRUU(u, domain)
		if ok != want || ok && (g.User != "1001" || g.Instance != bareInstance) {
			t.Errorf("%s: %+v %v, want %v", u, g, ok, want)
		}
	}
	names(public, "example.test", true)
	names(old, "example.test", true)
	names(old, "other.test", false)

	samePublic, young := gruusOf(t, b.expect(200, udp, contact("a", "1"), ob).Lines("Contact"))
	if !samePublic.Equal(public) || young.User == old.User || young.User[len(gruuPrefix):len(gruuPrefix)+8] == old.User[len(gruuPrefix):len(gruuPrefix)+8] {
		t.Errorf("after a refresh: %s, %s", samePublic, young)
	}
	names(old, "example.test", true) // still, and so is the new one
	names(young, "example.test", true)

	for i := range len(old.User) { // none can be made up
		bent := []byte(old.User)
		bent[i] ^= 1
		if g, ok := b.r.GRUU(sip.URI{Scheme: "sip", User: string(bent), Host: "example.test", Params: old.Params}, "example.test"); ok {
			t.Fatalf("bent at %d: %+v", i, g)
		}
	}
	names(sip.URI{Scheme: "sip", User: gruuPrefix + strings.Repeat("A", 4000), Params: old.Params}, "example.test", false)
	names(sip.URI{Scheme: "sip", User: gruuPrefix, Params: old.Params}, "example.test", false)

	b.expect(200, udp, contact("a", "1"), ob, "Call-ID: after-a-restart") // RFC 5627 section 5.4
	names(old, "example.test", false)
	_, fresh := gruusOf(t, b.expect(200, udp, contact("a", "1"), ob, "Call-ID: after-a-restart").Lines("Contact"))
	now = now.Add(gruuLife)
	names(fresh, "example.test", true)
	now = now.Add(time.Second)
	names(fresh, "example.test", false)
}

func TestNoGRUU(t *testing.T) {
	for name, lines := range map[string][]string{
		"not asked for":   {"Contact: <sip:a@192.0.2.1>" + inst},
		"no instance":     {"Contact: <sip:a@192.0.2.1>", ob},
		"instance no URN": {`Contact: <sip:a@192.0.2.1>;+sip.instance="<x>"`, ob},
	} {
		b := newBench(t, Config{})
		if got := b.expect(200, udp, lines...).Lines("Contact"); strings.Contains(strings.Join(got, ""), "gruu") {
			t.Errorf("%s: %q", name, got)
		}
	}
	b := newBench(t, Config{})
	b.expect(403, udp, "Contact: <sip:1001@example.test;gr="+bareInstance+">", ob) // it would call itself
	got := b.expect(200, udp, "Contact: <sip:a@192.0.2.1>"+inst+`;pub-gruu="sip:boss@example.test;gr=urn:x";temp-gruu="sip:t@example.test;gr"`).Lines("Contact")
	if slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "gruu") }) {
		t.Errorf("a phone's own GRUU was given back: %q", got)
	}
}

func FuzzGRUU(f *testing.F) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	g := newGRUUs([]byte(strings.Repeat("k", 32)))
	good, _ := g.temporary("1001", "example.test", bareInstance, "call", now)
	for _, s := range []string{good.User, gruuPrefix, gruuPrefix + "AAAA", "1001", gruuPrefix + strings.Repeat("A", 256)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, user string) {
		if s, ok := g.open(user, "example.test", now); ok && s.user != "1001" { // a worker has seeds of another process, under the same key
			t.Errorf("%q opens as %+v", user, s)
		}
	})
}
