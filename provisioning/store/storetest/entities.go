package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

func testEntities(t *testing.T, open Open) {
	s := fresh(t, open)
	if len(sample()) != len(provisioning.Entities()) {
		t.Fatal("sample does not know every entity")
	}
	for _, e := range sample() {
		first := put(t, s, domA, e)
		want, err := provisioning.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		before, audited := version(t, s), auditSize(t, s)
		if again := put(t, s, domA, e); again != first {
			t.Errorf("%s: the same again changed its ETag from %q to %q", e.Kind(), first, again)
		}
		if v := version(t, s); v != before {
			t.Errorf("%s: the same again moved the version from %d to %d", e.Kind(), before, v)
		}
		if n := auditSize(t, s); n != audited {
			t.Errorf("%s: the same again was audited", e.Kind())
		}
		view(t, s, func(r provisioning.Reader) error {
			row, err := r.Row(domA, e.Kind(), e.Key())
			switch e := e.(type) { // given by the store
			case provisioning.Mailbox:
				stored, _, _ := provisioning.Get[provisioning.Mailbox](r, domA, e.Number)
				e.Incarnation = stored.Incarnation
				want, _ = provisioning.Encode(e)
			case provisioning.User:
				stored, _, _ := provisioning.Get[provisioning.User](r, domA, e.Name)
				if e.Incarnation = stored.Incarnation; e.Incarnation == "" {
					t.Errorf("user %s cannot be told from the next one of that name", e.Name)
				}
				want, _ = provisioning.Encode(e)
			}
			if err != nil || row.ETag != first || !bytes.Equal(row.Body, want) || row.Key != e.Key() || row.HasSecret {
				t.Errorf("%s reads as %+v, %v; want %s with ETag %q", e.Kind(), row, err, want, first)
			}
			if _, err := r.Row(domB, e.Kind(), e.Key()); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("%s is in the other domain too: %v", e.Kind(), err)
			}
			return nil
		})
	}
	for _, e := range slices.Backward(sample()) {
		update(t, s, system(), func(w provisioning.Writer) error { return w.Delete(domA, e.Kind(), e.Key(), "*") })
		err := s.Update(t.Context(), system(), func(w provisioning.Writer) error { return w.Delete(domA, e.Kind(), e.Key(), "") })
		if !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%s deleted twice: %v", e.Kind(), err)
		}
	}
	testPages(t, open)
}

func testPages(t *testing.T, open Open) {
	s := fresh(t, open)
	var want []string
	update(t, s, admin(domA), func(w provisioning.Writer) error {
		for _, i := range []int{7, 1, 30, 200, 2, 29, 4} {
			number := fmt.Sprint(i)
			want = append(want, number)
			if _, err := w.Put(domA, provisioning.Extension{Number: number}, ""); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(want)
	view(t, s, func(r provisioning.Reader) error {
		var got []string
		for after := ""; ; {
			page, err := provisioning.List[provisioning.Extension](r, domA, after, 3)
			if err != nil {
				return err
			}
			if len(page) > 3 {
				t.Fatalf("a page of 3 has %d", len(page))
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.Number)
			}
			after = page[len(page)-1].Number
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages give %v, want %v", got, want)
		}
		all, err := provisioning.List[provisioning.Extension](r, domA, "", 0)
		if err != nil || len(all) != len(want) {
			t.Errorf("all at once: %d, %v", len(all), err)
		}
		domains, err := provisioning.Domains(r)
		if err != nil || len(domains) != 2 || domains[0].Name != domA || domains[1].Name != domB {
			t.Errorf("domains: %v, %v", domains, err)
		}
		if _, err := r.Rows("", provisioning.KindExtension, "", 0); !invalid(err, "domain") {
			t.Errorf("extensions of no domain: %v", err)
		}
		return nil
	})
}

func testIfMatch(t *testing.T, open Open) {
	s := fresh(t, open)
	ext := provisioning.Extension{Number: "2001"}
	tag := put(t, s, domA, ext)
	for _, c := range []struct {
		number, match string
		put, del      error
	}{
		{"2001", "", nil, nil},
		{"2001", "*", nil, nil},
		{"2001", tag, nil, nil},
		{"2001", "!", provisioning.ErrExists, provisioning.ErrExists},
		{"2001", tag + "0", provisioning.ErrStale, provisioning.ErrStale},
		{"9999", "", nil, provisioning.ErrNotFound},
		{"9999", "!", nil, provisioning.ErrNotFound},
		{"9999", "*", provisioning.ErrStale, provisioning.ErrNotFound},
		{"9999", tag, provisioning.ErrStale, provisioning.ErrNotFound},
	} {
		for what, do := range map[string]func(provisioning.Writer) error{
			"put": func(w provisioning.Writer) error {
				_, err := provisioning.Put(w, domA, provisioning.Extension{Number: c.number, Display: "new"}, c.match)
				return err
			},
			"delete": func(w provisioning.Writer) error {
				return provisioning.Delete[provisioning.Extension](w, domA, c.number, c.match)
			},
		} {
			want := map[string]error{"put": c.put, "delete": c.del}[what]
			var got error
			err := s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error {
				got = do(w)
				return errStop // each case starts from the same state
			})
			if !errors.Is(err, errStop) || !errors.Is(got, want) {
				t.Errorf("%s %s with If-Match %q: %v, want %v", what, c.number, c.match, got, want)
			}
		}
	}
	update(t, s, admin(domA), func(w provisioning.Writer) error {
		return provisioning.Delete[provisioning.Extension](w, domA, "2001", tag)
	})
	if again := put(t, s, domA, ext); again == tag {
		t.Error("deleted and made again, it has its old ETag")
	}
}

func invalid(err error, field string) bool {
	var i *provisioning.Invalid
	return errors.As(err, &i) && i.Field == field
}

func testReferences(t *testing.T, open Open) {
	s := fresh(t, open)
	for _, c := range []struct {
		e     provisioning.Entity
		field string
	}{
		{provisioning.Extension{Number: "2001", User: "nobody"}, "user"},
		{provisioning.Extension{Number: "2001", Record: "none"}, "record"},
		{provisioning.DID{Number: "+81312345678", To: []string{"2001"}}, "to[0]"},
		{provisioning.Extension{Number: "x"}, "number"},
	} {
		err := s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error {
			_, err := w.Put(domA, c.e, "")
			return err
		})
		if !invalid(err, c.field) {
			t.Errorf("%+v: %v, want *Invalid of %s", c.e, err, c.field)
		}
	}
	for _, e := range sample() {
		put(t, s, domA, e)
	}
	// Something of the same name in the other domain does not help.
	err := s.Update(t.Context(), admin(domB), func(w provisioning.Writer) error {
		_, err := w.Put(domB, provisioning.DID{Number: "+81312345678", To: []string{"2001"}}, "")
		return err
	})
	if !invalid(err, "to[0]") {
		t.Errorf("a reference reached the other domain: %v", err)
	}
	for _, c := range [][2]string{{"user", "taro"}, {"policy", "always"}, {"extension", "2001"}, {"domain", domA}} {
		err := s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error { return w.Delete(domA, c[0], c[1], "") })
		if !errors.Is(err, provisioning.ErrInUse) {
			t.Errorf("delete %s in use: %v", c[0], err)
		}
	}
	// When the reference goes, the target can go.
	put(t, s, domA, provisioning.Extension{Number: "2001"})
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.Delete(domA, "account", "a1", "") })
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.Delete(domA, "user", "taro", "") })
}

func testDomains(t *testing.T, open Open) {
	s := fresh(t, open)
	ext := provisioning.Extension{Number: "2001"}
	var denied *provisioning.Denied
	for name, do := range map[string]func(provisioning.Writer) error{
		"put":    func(w provisioning.Writer) error { _, err := w.Put(domB, ext, ""); return err },
		"delete": func(w provisioning.Writer) error { return w.Delete(domB, "domain", domB, "") },
		"secret": func(w provisioning.Writer) error { return w.PutSecret(domB, "issuer", "k", []byte("x")) },
		"audit": func(w provisioning.Writer) error {
			return w.AddAudit(provisioning.AuditEntry{Domain: domB, Action: "x.y"})
		},
		"cdr": func(w provisioning.Writer) error { return w.AddCDR(record(domB, "c1", 1)) },
		"make": func(w provisioning.Writer) error {
			_, err := w.Put("c.example", provisioning.Domain{Name: "c.example"}, "")
			return err
		},
	} {
		if err := s.Update(t.Context(), admin(domA), do); !errors.As(err, &denied) || denied.Rule != "other-domain" {
			t.Errorf("%s in another domain: %v", name, err)
		}
	}
	for _, who := range []provisioning.Subject{{}, {User: "taro"}, {Domain: domA}} {
		if err := s.Update(t.Context(), who, func(provisioning.Writer) error { return nil }); !invalid(err, "subject") {
			t.Errorf("%+v may update: %v", who, err)
		}
	}
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error { _, err := w.Put("c.example", ext, ""); return err })
	if !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("an extension without its domain: %v", err)
	}
	err = s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put(domA, provisioning.Domain{Name: domB}, "")
		return err
	})
	if !invalid(err, "name") {
		t.Errorf("a domain inside another: %v", err)
	}
}

// testKeys: what a stranger puts into a path is not found, and is no error of the database.
func testKeys(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, domA, provisioning.Extension{Number: "2001"})
	view(t, s, func(r provisioning.Reader) error {
		for _, key := range []string{"", "2001\x00", "\x00", "2001'--", "' OR '1'='1", "\xff\xfe", strings.Repeat("9", 10000), "%", "_001", "２００１", "?", "{}"} {
			if _, _, err := provisioning.Get[provisioning.Extension](r, domA, key); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("extension %q: %v", key, err)
			}
			if _, err := r.Row(key, "extension", "2001"); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("domain %q: %v", key, err)
			}
			if _, err := provisioning.Secret(r, domA, "sip", key); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("secret %q: %v", key, err)
			}
			got, err := r.Audit(domA, provisioning.AuditQuery{Object: "x" + key, Subject: key, Limit: 1})
			if err != nil || len(got) != 0 {
				t.Errorf("audit of %q: %v, %v", key, got, err)
			}
		}
		return nil
	})
}

// testOrder: rows come in the order of bytes, whatever the language of the database, so that a page goes on where the last one ended.
func testOrder(t *testing.T, open Open) {
	s := fresh(t, open)
	want := []string{"B課", "Z課", "a課", "z課", "ア課", "税務課"}
	for _, i := range []int{3, 0, 5, 2, 4, 1} {
		put(t, s, domA, provisioning.Department{Name: want[i], Numbers: []string{}})
	}
	view(t, s, func(r provisioning.Reader) error {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page, err := r.Rows(domA, provisioning.KindDepartment, after, 2)
			if err != nil || len(page) == 0 {
				if !slices.Equal(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
				return err
			}
			for _, row := range page {
				got = append(got, row.Key)
			}
		}
	})
}

// testParts: settings go with their extension, but not while another's settings name it; and they must agree with the rest.
func testParts(t *testing.T, open Open) {
	s := fresh(t, open)
	always := func(from, to string) provisioning.Settings {
		return provisioning.Settings{Extension: from, Forward: provisioning.Forwarding{Always: &provisioning.Destination{Extension: to}}}
	}
	for _, n := range []string{"2001", "2002"} {
		put(t, s, domA, provisioning.Extension{Number: n})
	}
	put(t, s, domA, always("2001", "2002"))
	put(t, s, domA, provisioning.Settings{Extension: "2002", DoNotDisturb: true})
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put(domA, always("2002", "2001"), "")
		return err
	})
	var invalid *provisioning.Invalid
	if !errors.As(err, &invalid) || invalid.Field != "forward.always.extension" {
		t.Errorf("a circle was taken: %v", err)
	}
	remove := func(n string) error {
		return s.Update(t.Context(), system(), func(w provisioning.Writer) error { return w.Delete(domA, provisioning.KindExtension, n, "") })
	}
	if err := remove("2002"); !errors.Is(err, provisioning.ErrInUse) {
		t.Errorf("deleted although calls are sent there: %v", err)
	}
	// A mailbox goes too, whoever of its own extension sends calls there, but not while somebody else does; then nothing goes.
	put(t, s, domA, provisioning.Mailbox{Number: "2001"})
	put(t, s, domA, provisioning.Mailbox{Number: "6000"})
	put(t, s, domA, provisioning.Settings{Extension: "2001", Forward: provisioning.Forwarding{Busy: &provisioning.Destination{Voicemail: "2001"}}})
	put(t, s, domA, provisioning.Settings{Extension: "2002", Forward: provisioning.Forwarding{Busy: &provisioning.Destination{Voicemail: "2001"}}})
	if err := remove("2001"); !errors.Is(err, provisioning.ErrInUse) {
		t.Errorf("deleted although calls are sent to its mailbox: %v", err)
	}
	view(t, s, func(r provisioning.Reader) error {
		_, err := r.Row(domA, provisioning.KindSettings, "2001")
		return err
	})
	before := incarnationOf(t, s, "2001")
	put(t, s, domA, provisioning.Settings{Extension: "2002"})
	for _, n := range []string{"2001", "2002"} {
		if err := remove(n); err != nil {
			t.Errorf("%s: %v", n, err)
		}
		view(t, s, func(r provisioning.Reader) error {
			if _, err := r.Row(domA, provisioning.KindMailbox, n); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("the mailbox of %s outlives it: %v", n, err)
			}
			return nil
		})
		view(t, s, func(r provisioning.Reader) error {
			if _, err := r.Row(domA, provisioning.KindSettings, n); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("settings of %s outlive it: %v", n, err)
			}
			return nil
		})
	}
	put(t, s, domA, provisioning.Extension{Number: "2001"})
	put(t, s, domA, provisioning.Mailbox{Number: "2001", Incarnation: before})
	if again := incarnationOf(t, s, "2001"); again == "" || again == before {
		t.Errorf("the mailbox of whoever has the number next is %q, before it was %q", again, before)
	}
}

// incarnationOf a mailbox.
func incarnationOf(t *testing.T, s provisioning.Store, number string) (out string) {
	t.Helper()
	view(t, s, func(r provisioning.Reader) error {
		m, _, err := provisioning.Get[provisioning.Mailbox](r, domA, number)
		out = m.Incarnation
		return err
	})
	return out
}
