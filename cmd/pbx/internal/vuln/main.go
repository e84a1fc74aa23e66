// Command vuln says which known vulnerabilities the built program has: the Go project's own scanner with its own database, both of one version each from the module proxy, since the
// database's site need not be reachable from where this runs. It owns what counts: a module that can be had without the fault fails. It never changes what is built.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// What is run, and what it knows: newer ones are named by `go list -m MODULE@latest`.
const (
	database = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"
	scanner  = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
)

// errVulnerable: functions are linked that are known to be faulty.
var errVulnerable = errors.New("functions are linked that are known to be vulnerable: take the fixed versions")

func main() {
	program := flag.String("program", "build/vuln/pbx", "the built program, with its symbols")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *program, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program string, out io.Writer) (err error) {
	var module struct{ Dir, Error string }
	text, err := command(ctx, "go", "mod", "download", "-json", database)
	if e := json.Unmarshal(text, &module); e != nil || module.Dir == "" {
		return fmt.Errorf("nothing was looked at: the database %s cannot be had from the module proxy: %w %s", database, errors.Join(err, e), module.Error)
	}
	dir, err := os.MkdirTemp("", "naisen-vuln-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := index(filepath.Join(module.Dir, "data", "osv"), dir); err != nil {
		return err
	}
	found, err := command(ctx, "go", "run", scanner, "-db", "file://"+dir, "-mode", "binary", "-format", "json", program)
	if err != nil {
		return fmt.Errorf("nothing was looked at: %w", err)
	}
	return judge(bytes.NewReader(found), out)
}

func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return out, err
}

// entry is what is known of one vulnerability, as far as it is needed here (https://ossf.github.io/osv-schema/).
type entry struct {
	ID       string   `json:"id"`
	Modified string   `json:"modified"`
	Aliases  []string `json:"aliases,omitempty"`
	Affected []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Events []struct {
				Fixed string `json:"fixed"`
			} `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
}

// vulnerable is a row of an index.
type vulnerable struct {
	ID       string   `json:"id"`
	Modified string   `json:"modified"`
	Fixed    string   `json:"fixed,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
}

// index makes of a folder of entries a database that the scanner reads (https://go.dev/doc/security/vuln/database#api).
func index(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "GO-*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no entries in %s: %w", from, cmp.Or(err, fs.ErrNotExist))
	}
	type module struct {
		Path  string       `json:"path"`
		Vulns []vulnerable `json:"vulns"`
	}
	modules, all := map[string][]vulnerable{}, []vulnerable{}
	err = errors.Join(os.MkdirAll(filepath.Join(to, "ID"), 0o700), os.MkdirAll(filepath.Join(to, "index"), 0o700))
	for _, file := range files {
		text, e := os.ReadFile(file)
		var v entry
		e = errors.Join(e, json.Unmarshal(text, &v))
		if err = errors.Join(err, e, os.WriteFile(filepath.Join(to, "ID", filepath.Base(file)), text, 0o600)); err != nil {
			return err
		}
		all = append(all, vulnerable{ID: v.ID, Modified: v.Modified, Aliases: v.Aliases})
		for _, a := range v.Affected {
			row := vulnerable{ID: v.ID, Modified: v.Modified}
			for _, r := range a.Ranges {
				for _, e := range r.Events {
					row.Fixed = cmp.Or(e.Fixed, row.Fixed)
				}
			}
			modules[a.Package.Name] = append(modules[a.Package.Name], row)
		}
	}
	list := []module{}
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		list = append(list, module{path, modules[path]})
	}
	for name, what := range map[string]any{"db": map[string]string{"modified": "0001-01-01T00:00:00Z"}, "modules": list, "vulns": all} {
		text, e := json.Marshal(what)
		err = errors.Join(err, e, os.WriteFile(filepath.Join(to, "index", name+".json"), text, 0o600))
	}
	return err
}

// finding is one of the scanner's: of a module, a package of it or a function that is linked.
type finding struct {
	OSV   string `json:"osv"`
	Fixed string `json:"fixed_version"`
	Trace []struct {
		Module   string `json:"module"`
		Version  string `json:"version"`
		Function string `json:"function"`
	} `json:"trace"`
}

// judge tells what was found. errVulnerable: a module's fault is linked. That of Go itself ends with the next toolchain, which is not the program's to choose.
func judge(found io.Reader, out io.Writer) error {
	said, bad := map[string]bool{}, false
	scanned := ""
	for d := json.NewDecoder(found); ; {
		var m struct {
			Finding *finding
			SBOM    *struct {
				Go      string            `json:"go_version"`
				Modules []json.RawMessage `json:"modules"`
			} `json:"SBOM"`
		}
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("what the scanner says is not understood: %w", err)
		}
		if m.SBOM != nil {
			scanned = fmt.Sprintf("%d modules, %s", len(m.SBOM.Modules), m.SBOM.Go)
		}
		if m.Finding == nil || len(m.Finding.Trace) == 0 {
			continue
		}
		at := m.Finding.Trace[0]
		line := fmt.Sprintf("%s in %s %s, %s", m.Finding.OSV, at.Module, at.Version, fixed(m.Finding.Fixed))
		switch {
		case at.Function == "":
			continue // the module is required, and the fault is not linked
		case at.Module != "stdlib":
			bad = true
		default:
			line += " (Go itself)"
		}
		if !said[line] {
			said[line] = true
			fmt.Fprintln(out, line)
		}
	}
	if scanned == "" {
		return errors.New("the scanner did not say what it looked at")
	}
	fmt.Fprintf(out, "looked at %s with %s\n", scanned, database)
	if bad {
		return errVulnerable
	}
	return nil
}

func fixed(version string) string {
	if version == "" {
		return "not fixed yet"
	}
	return "fixed in " + strings.TrimPrefix(version, "v")
}
