package main

import (
	"errors"
	"testing"
)

func TestParseBenchmarks(t *testing.T) {
	all, err := parseBenchmarks([]byte("goos: linux\ncpu: any\nBenchmarkRender/G.711     \t      12\t  98765 ns/op\t 1234.5 x-realtime\nBenchmarkFind 3 1e9 ns/op 40 x-realtime\nPASS\n"))
	if err != nil || len(all) != 2 || all["BenchmarkRender/G.711"]["x-realtime"] != 1234.5 || all["BenchmarkFind"]["ns/op"] != 1e9 {
		t.Errorf("%v %v", all, err)
	}
	if _, err := parseBenchmarks([]byte("BenchmarkX 3 fast ns/op\n")); err == nil {
		t.Error("a figure that is none was taken")
	}
	if _, err := parseBenchmarks([]byte("PASS\nok naisen 1s\n")); !errors.Is(err, errNoFigures) {
		t.Errorf("%v", err)
	}
}
