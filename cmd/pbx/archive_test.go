package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// Both catalogues' indexes are merged a minute after the start and from then on: there is nothing left to do.
func TestIndexesAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		for name, c := range map[string]**catalogue.Catalogue{"catalogue.db": &v.catalogue, "messages.db": &v.messages} {
			var err error
			if *c, err = catalogue.Open(t.Context(), filepath.Join(t.TempDir(), name), nil); err != nil {
				t.Fatal(err)
			}
			defer (*c).Close()
		}
		ctx, cancel := context.WithCancel(t.Context())
		a := &archive{vault: v, log: slog.New(slog.DiscardHandler)}
		var worker sync.WaitGroup
		worker.Go(func() { a.tidy(ctx) })
		for minute := range 2 {
			for i := range 20 {
				k := recorder.Case{ID: fmt.Sprint(minute, "-", i), Domain: "a.example", DID: "0312345678", Started: time.Now()}
				for _, c := range []*catalogue.Catalogue{v.catalogue, v.messages} {
					if err := c.Begin(t.Context(), k); err != nil {
						t.Fatal(err)
					}
				}
			}
			<-time.After(tidyEvery + time.Second)
		}
		cancel()
		worker.Wait()
		for name, c := range map[string]*catalogue.Catalogue{"recordings": v.catalogue, "messages": v.messages} {
			if steps, err := c.Tidy(t.Context()); steps != 0 || err != nil {
				t.Errorf("%s: %d steps were left: %v", name, steps, err)
			}
		}
	})
}
