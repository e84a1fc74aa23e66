package main

import (
	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/provisioning/directory"
)

// books shows the shared directories of the newest snapshot.
type books struct{ directory *directory.Directory }

// Book, Reader and Named: see rest.Books.
func (b books) Book(domain string) *book.Book { return b.directory.Snapshot().Book(domain) }

// Reader is how a person sees a domain's directory.
func (b books) Reader(domain, user string, roles []provisioning.Role) book.Viewer {
	return b.directory.Snapshot().Reader(domain, user, roles)
}

// Named is who has a number, as v may see it.
func (b books) Named(domain, number string, v book.Viewer) (*book.Entry, bool) {
	return b.directory.Snapshot().Named(domain, number, v)
}
