package directory

import (
	"testing"

	"naisen/provisioning"
)

// TestWhoReadsTheBook: a person by roles and the departments of own extensions, a telephone as its owner and by its own department.
func TestWhoReadsTheBook(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	private := provisioning.Contact{ID: "mayor", Name: "市長", Numbers: []provisioning.ContactNumber{{Kind: "mobile", Number: "090-9999-0000"}},
		Visible: provisioning.Visibility{Departments: []string{"秘書課"}}}
	v := update(t, s, func(w provisioning.Writer) error {
		return puts(w, domA, private,
			provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleStaff}}, provisioning.User{Name: "root", Roles: []provisioning.Role{provisioning.RoleAdmin}},
			provisioning.User{Name: "left", Roles: []provisioning.Role{provisioning.RoleAdmin}, Disabled: true},
			provisioning.Extension{Number: "2001", User: "taro", Department: "秘書課", Display: "太郎", Reading: "たろう"}, provisioning.Extension{Number: "2002", User: "taro"},
			provisioning.Extension{Number: "2003"}, provisioning.Extension{Number: "2004", User: "root"}, provisioning.Extension{Number: "2005", User: "left"},
			provisioning.Extension{Number: "2006", Department: "秘書課", Disabled: true}, provisioning.Extension{Number: "2007", Department: "福祉課", Unlisted: true})
	})
	snap := wait(t, d, v)
	for number, want := range map[string]bool{"2001": true, "2002": true, "2003": false, "2004": true, "2005": false, "2006": false, "2007": false, "9999": false} {
		if _, ok := snap.Named(domA, "+819099990000", snap.ReaderAt(domA, number)); ok != want {
			t.Errorf("the telephone %s sees it: %v", number, ok)
		}
	}
	for user, want := range map[string]bool{"taro": true, "nobody": false, "": false} {
		if _, ok := snap.Named(domA, "09099990000", snap.Reader(domA, user, []provisioning.Role{provisioning.RoleStaff})); ok != want {
			t.Errorf("%s sees it: %v", user, ok)
		}
	}
	if e, ok := snap.Named(domA, "2001", snap.ReaderAt(domA, "2003")); !ok || e.Name != "太郎" {
		t.Errorf("an extension has no name: %v", e)
	}
	if _, ok := snap.Named(domB, "2001", snap.Reader(domB, "root", []provisioning.Role{provisioning.RoleAdmin})); ok {
		t.Error("the book of another domain")
	}
	if snap.Book("c.example").Len() != 0 || snap.Book(domA).Len() != 6 {
		t.Errorf("%d entries", snap.Book(domA).Len())
	}
	v = update(t, s, func(w provisioning.Writer) error {
		return w.Delete(domA, provisioning.KindContact, "mayor", "")
	})
	if _, ok := wait(t, d, v).Named(domA, "09099990000", snap.ReaderAt(domA, "2001")); ok {
		t.Error("a contact that was deleted has a name")
	}
}

// TestBookLogin: an account reads as its extension does, with its own secret, while it is not disabled.
func TestBookLogin(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	v := update(t, s, func(w provisioning.Writer) error {
		if err := puts(w, domA, provisioning.Extension{Number: "2001", Department: "秘書課"}, provisioning.BookAccount{Name: "desk", Extension: "2001"},
			provisioning.BookAccount{Name: "open"}, provisioning.BookAccount{Name: "off", Disabled: true}, provisioning.BookAccount{Name: "new"}); err != nil {
			return err
		}
		for _, name := range []string{"desk", "open", "off"} {
			if err := w.PutSecret(domA, provisioning.SecretBookAccount, name, provisioning.BookProof("secret of "+name)); err != nil {
				return err
			}
		}
		return nil
	})
	snap := wait(t, d, v)
	for _, c := range []struct {
		domain, account, secret string
		ok                      bool
		departments             int
	}{
		{domA, "desk", "secret of desk", true, 1}, {domA, "open", "secret of open", true, 0}, {domA, "desk", "secret of open", false, 0},
		{domA, "off", "secret of off", false, 0}, {domA, "new", "", false, 0}, {domA, "nobody", "", false, 0}, {domB, "desk", "secret of desk", false, 0}, {"c.example", "desk", "secret of desk", false, 0},
	} {
		if v, ok := snap.BookLogin(c.domain, c.account, []byte(c.secret)); ok != c.ok || len(v.Departments) != c.departments || v.All {
			t.Errorf("%s in %s: %v %+v", c.account, c.domain, ok, v)
		}
	}
}
