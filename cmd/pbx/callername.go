package main

import (
	"slices"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/book"
	"naisen/provisioning/directory"
)

// named gives a caller the name under which the shared directory knows the number to who reads it. It goes before what a carrier says, which
// anybody can have put there. Who hides the number has no name, and colleagues have their own. Cost: two look-ups in memory.
func named(snap *directory.Snapshot, domain string, w route.Shown, v book.Viewer) route.Shown {
	if w.Withheld || w.Number == "" {
		return w
	}
	if e, ok := snap.Extension(domain, w.Number); ok && e.Display != "" {
		if w.Display == "" {
			w.Display = e.Display
		}
		return w
	}
	if e, ok := snap.Named(domain, w.Number, v); ok {
		w.Display = e.Name
	}
	return w
}

// named is the caller as the telephone of an extension shows it.
func (d *dialler) named(extension string, out call.Outgoing) route.Shown {
	snap := d.directory.Snapshot()
	return named(snap, out.Domain, out.From, snap.ReaderAt(out.Domain, extension))
}

// namer gives the parties of calls the names that everybody may see: many look at a lamp.
func namer(d *directory.Directory) func(*call.Snapshot) *call.Snapshot {
	return func(s *call.Snapshot) *call.Snapshot {
		snap := d.Snapshot()
		now := *s
		now.Parties = slices.Clone(s.Parties)
		for i, p := range now.Parties {
			now.Parties[i].With = named(snap, s.Domain, p.With, book.Viewer{})
		}
		return &now
	}
}

// nameOf is whose number it is, for those who may see every call.
func nameOf(d *directory.Directory, domain, number string) string {
	return named(d.Snapshot(), domain, route.Shown{Number: number}, book.Viewer{All: true}).Display
}
