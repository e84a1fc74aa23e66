package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"naisen/loadtest/peer"
)

// The vault's three sections; -only vault is all of them.
const (
	vaultRenderMethod = "The recorder's own benchmarks, each in a process of its own on one core; figures are of processor time, not of the clock."
	vaultSearchMethod = "The catalogue of a switch, filled while it does not run, by the catalogue's own code: an office of 40 departments with five recorded numbers, a group and twelve extensions each, three labels, callers who " +
		"call once and some who call often, half of them with names, some in kana, some recordings with a note and a case, one every half minute. Then the switch runs on one core and is asked by its API, " +
		"one question after the other, as people with different rights: signed tokens, scopes, audit entries and all; by the clock of who asks."
	vaultCallsMethod = "Real calls between UDP telephones, all recorded, with G.711 in both directions, four seconds each, begin and end at 50 a second, for 40 s; the switch has all processors and shares one with the telephones. From " +
		"the hang-up until the API, asked four times a second, gives the recording: at all, with its end, and as one that can be played, which is after journal, render, seal, store (a directory), read-back, audit log and catalogue."
)

// alone makes a section of one part.
func alone(part func(context.Context, *lab, *table) error) func(context.Context, *lab) (*table, error) {
	return func(ctx context.Context, l *lab) (*table, error) {
		t := &table{}
		return t, part(ctx, l, t)
	}
}

// benchmarks builds the tests of a package once, so that they can be run again and again.
type benchmarks struct {
	lab    *lab
	pack   string
	binary string
}

func (l *lab) benchmarks(ctx context.Context, pack string) (*benchmarks, error) {
	root, err := peer.Root()
	if err != nil {
		return nil, err
	}
	b := &benchmarks{lab: l, pack: filepath.Join(root, filepath.FromSlash(pack)), binary: filepath.Join(l.dir, strings.ReplaceAll(pack, "/", "-")+".test")}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", b.binary, ".")
	cmd.Dir = b.pack
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("report: build %s: %w\n%s", pack, err, out)
	}
	return b, nil
}

// run gives the figures of each benchmark that a pattern names, by name and unit.
func (b *benchmarks) run(ctx context.Context, pattern string) (map[string]map[string]float64, error) {
	args := append([]string{"env", "GOMAXPROCS=1"}, b.lab.pin()...)
	args = append(args, b.binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", scale(b.lab, "3s", "300ms"))
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = b.pack
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("report: %s in %s: %w\n%s", pattern, b.pack, err, out)
	}
	return parseBenchmarks(out)
}

var errNoFigures = errors.New("report: no benchmark's figures")

// parseBenchmarks reads what `go test -bench` prints: a name, the number of rounds, and pairs of value and unit.
func parseBenchmarks(out []byte) (map[string]map[string]float64, error) {
	all := map[string]map[string]float64{}
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		figures := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, fmt.Errorf("report: %q: %w", line, err)
			}
			figures[f[i+1]] = v
		}
		all[f[0]] = figures
	}
	if len(all) == 0 {
		return nil, errNoFigures
	}
	return all, nil
}
