package directory

import (
	"maps"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/provisioning/secret"
)

// Book is the shared directory of a domain; nil, which is an empty one, when there is no such domain.
func (s *Snapshot) Book(domainName string) *book.Book {
	if d, ok := s.domains[domainName]; ok {
		return d.book
	}
	return nil
}

// Reader is how a person sees the shared directory: by their roles, and by the departments of the extensions that are theirs.
func (s *Snapshot) Reader(domainName, user string, roles []provisioning.Role) book.Viewer {
	d, ok := s.domains[domainName]
	if !ok {
		return book.Viewer{}
	}
	v := book.Viewer{Roles: roles, All: slices.Contains(roles, provisioning.RoleAdmin) || slices.Contains(roles, provisioning.RoleTelephony)}
	for _, number := range d.owned[user] {
		if dep := d.extensions[number].Department; dep != "" && user != "" && !slices.Contains(v.Departments, dep) {
			v.Departments = append(v.Departments, dep)
		}
	}
	return v
}

// ReaderAt is how a telephone sees it: as its owner does, who may be nobody, and by its own department.
func (s *Snapshot) ReaderAt(domainName, extension string) book.Viewer {
	e, ok := s.Extension(domainName, extension)
	if !ok || e.Disabled {
		return book.Viewer{}
	}
	var v book.Viewer
	if u, ok := s.User(domainName, e.User); ok && !u.Out(time.Now()) {
		v = s.Reader(domainName, e.User, u.Roles)
	}
	if e.Department != "" && !slices.Contains(v.Departments, e.Department) {
		v.Departments = append(v.Departments, e.Department)
	}
	return v
}

// Named is who has a number, as v may see it.
func (s *Snapshot) Named(domainName, number string, v book.Viewer) (*book.Entry, bool) {
	d, ok := s.domains[domainName]
	if !ok {
		return nil, false
	}
	return d.book.Named(d.self.CountryCode, number, v)
}

func (d *domain) readBook(r provisioning.Reader) (err error) {
	if d.contacts, err = readAll[provisioning.Contact](r, d.self.Name); err != nil {
		return err
	}
	d.accounts, err = readAll[provisioning.BookAccount](r, d.self.Name)
	return err
}

func (e *edit) takeBook(r provisioning.Reader, c provisioning.Change) error {
	if c.Kind == provisioning.KindBookAccount {
		return set(e, r, c, &e.accounts)
	}
	return set(e, r, c, &e.contacts)
}

// indexBook makes the whole shared directory.
func (d *domain) indexBook() {
	var list []*book.Entry
	for _, c := range d.contacts {
		list = append(list, book.Of(c, d.self.CountryCode))
	}
	for _, x := range d.extensions {
		if e := book.OfExtension(x, d.self.CountryCode); e != nil {
			list = append(list, e)
		}
	}
	d.book = (*book.Book)(nil).With(list, nil)
}

// renewBook takes over what has changed; everything where the country did, since numbers are written otherwise then.
func (e *edit) renewBook(before *domain) {
	if before == nil || before.self.CountryCode != e.self.CountryCode {
		e.indexBook()
		return
	}
	var put []*book.Entry
	var gone []string
	for _, id := range slices.Sorted(maps.Keys(e.seen)) {
		kind, key, _ := strings.Cut(id, "\x00")
		switch kind {
		case provisioning.KindContact:
			if c, ok := e.contacts[key]; ok {
				put = append(put, book.Of(c, e.self.CountryCode))
			} else {
				gone = append(gone, book.ContactID(key))
			}
		case provisioning.KindExtension:
			if x := book.OfExtension(e.extensions[key], e.self.CountryCode); x != nil && e.extensions[key].Number != "" {
				put = append(put, x)
			} else {
				gone = append(gone, book.ExtensionID(key))
			}
		}
	}
	if len(put)+len(gone) > 0 {
		e.book = e.book.With(put, gone)
	}
}

// BookExtension is the extension that an account of the shared directory is bound to; false: it is bound to none, or to one that is disabled.
func (s *Snapshot) BookExtension(domainName, account string) (string, bool) {
	d, ok := s.domains[domainName]
	if !ok {
		return "", false
	}
	e, ok := d.extensions[d.accounts[account].Extension]
	return e.Number, ok && !e.Disabled
}

// BookLogin is how an account of a domain reads its shared directory; false where there is none, it is disabled, has no secret or another one.
func (s *Snapshot) BookLogin(domainName, account string, plain []byte) (book.Viewer, bool) {
	d, ok := s.domains[domainName]
	if !ok {
		return book.Viewer{}, false
	}
	a, ok := d.accounts[account]
	proof := d.proofs[account]
	right := proof.Equal(secret.New(string(provisioning.BookProof(string(plain))))) && !proof.IsZero()
	if !ok || a.Disabled || !right {
		return book.Viewer{}, false
	}
	if a.Extension == "" {
		return book.Viewer{}, true
	}
	return s.ReaderAt(domainName, a.Extension), true
}
