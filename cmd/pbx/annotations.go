package main

import (
	"context"
	"errors"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// catalogueWords are how names and numbers are searched: as the shared directory does.
func catalogueWords() catalogue.Words {
	return catalogue.Words{Number: func(n string) string { return book.Normal("", n) }, Fold: book.Fold}
}

// annotations are what people write about recordings, for those who may know of them.
type annotations struct {
	catalogue *catalogue.Catalogue
	store     provisioning.Store
}

var _ provisioning.Remarks = annotations{}

// seen is a recording of which the subject may know.
func (s annotations) seen(ctx context.Context, by provisioning.Subject, domain, id string) (catalogue.Row, error) {
	row, err := s.catalogue.Get(ctx, domain, id)
	if err != nil {
		return row, remarked(err)
	}
	return row, s.store.View(ctx, func(r provisioning.Reader) error {
		scope, err := scopeOf(r, domain, by.User)
		if err == nil && !scope.Covers(row.Item()) {
			err = provisioning.ErrNotFound
		}
		return err
	})
}

// Remarks implements provisioning.Remarks.
func (s annotations) Remarks(ctx context.Context, by provisioning.Subject, domain, id string) (provisioning.RecordingRemarks, error) {
	all := provisioning.RecordingRemarks{Notes: []provisioning.RecordingNote{}, Cases: []string{}}
	row, err := s.seen(ctx, by, domain, id)
	if err != nil {
		return all, err
	}
	for _, c := range row.Cases {
		all.Cases = append(all.Cases, c.Name)
	}
	notes, err := s.catalogue.Notes(ctx, domain, id)
	for _, n := range notes {
		all.Notes = append(all.Notes, noteOf(n))
	}
	return all, remarked(err)
}

// AddNote implements provisioning.Remarks.
func (s annotations) AddNote(ctx context.Context, by provisioning.Subject, domain, id, text string) (provisioning.RecordingNote, error) {
	if _, err := s.seen(ctx, by, domain, id); err != nil {
		return provisioning.RecordingNote{}, err
	}
	n, err := s.catalogue.AddNote(ctx, domain, id, name(by), text)
	return noteOf(n), remarked(err)
}

// DropNote implements provisioning.Remarks.
func (s annotations) DropNote(ctx context.Context, by provisioning.Subject, domain, id string, note int64) error {
	if _, err := s.seen(ctx, by, domain, id); err != nil {
		return err
	}
	return remarked(s.catalogue.DropNote(ctx, domain, id, note))
}

// SetCase implements provisioning.Remarks.
func (s annotations) SetCase(ctx context.Context, by provisioning.Subject, domain, id, number string) error {
	if _, err := s.seen(ctx, by, domain, id); err != nil {
		return err
	}
	return remarked(s.catalogue.SetCase(ctx, domain, id, name(by), number))
}

// DropCase implements provisioning.Remarks.
func (s annotations) DropCase(ctx context.Context, by provisioning.Subject, domain, id, number string) error {
	if _, err := s.seen(ctx, by, domain, id); err != nil {
		return err
	}
	return remarked(s.catalogue.DropCase(ctx, domain, id, number))
}

func noteOf(n catalogue.Note) provisioning.RecordingNote {
	return provisioning.RecordingNote{ID: n.ID, Written: n.Written.Format(time.RFC3339), Author: n.Author, Text: n.Text}
}

func remarked(err error) error {
	switch {
	case errors.Is(err, recorder.ErrNotFound):
		return provisioning.ErrNotFound
	case errors.Is(err, catalogue.ErrFull):
		return provisioning.ErrInUse
	}
	return err
}
