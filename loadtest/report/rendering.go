package main

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// measureRendering is how many times faster than real time a recording becomes a listenable file, and a listener's copy of it.
func measureRendering(ctx context.Context, l *lab, t *table) error {
	for _, job := range []struct{ pack, pattern, what, target string }{
		{"recorder/render", "^BenchmarkRender$", "render", "≥ 200"},
		{"recorder/watermark", "^BenchmarkCopy$", "mark a copy, stereo, Hz", ""},
		{"recorder/watermark", "^BenchmarkFind$", "find a mark in half a minute", ""},
	} {
		b, err := l.benchmarks(ctx, job.pack)
		if err != nil {
			return err
		}
		for range l.runs {
			all, err := b.run(ctx, job.pattern)
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(all)) {
				what := job.what
				if _, kind, ok := strings.Cut(name, "/"); ok {
					what += ": " + kind
				}
				t.add(what, "× real time", job.target, all[name]["x-realtime"])
			}
		}
	}
	return nil
}
