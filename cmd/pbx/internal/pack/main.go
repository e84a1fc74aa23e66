// Command pack makes of the built program what is installed: a Debian package, an OCI image and a list of what is in it (CycloneDX). The same program gives the
// same files, octet by octet: times, owners and order are given, not found. It builds nothing and asks nobody.
package main

import (
	"embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

//go:embed files
var files embed.FS

// job is what is to be packed.
type job struct {
	program, sources, out, version string
	date                           time.Time
	arch                           string
}

func main() {
	var j job
	var unix int64
	flag.StringVar(&j.program, "program", "build/pbx", "the built program")
	flag.StringVar(&j.sources, "sources", ".", "the sources, for licence and documents")
	flag.StringVar(&j.out, "out", "build", "where the packages go")
	flag.StringVar(&j.version, "version", "0.0.0", "of the package")
	flag.StringVar(&j.arch, "arch", "amd64", "of the program")
	flag.Int64Var(&unix, "date", 0, "time of everything in it, in Unix seconds: that of the commit")
	flag.Parse()
	j.date = time.Unix(unix, 0).UTC()
	made, err := j.run()
	for _, name := range made {
		fmt.Println(name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// run makes all three, and names them.
func (j job) run() (made []string, err error) {
	list, err := bill(j.program, j.version, j.date)
	if err != nil {
		return nil, err
	}
	tree, err := j.tree(list)
	if err != nil {
		return nil, err
	}
	deb, err := j.deb(tree)
	if err != nil {
		return nil, err
	}
	image, err := j.image(tree)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		body []byte
	}{{"naisen_" + j.version + ".cdx.json", list}, {"naisen_" + j.version + "_" + j.arch + ".deb", deb}, {"naisen_" + j.version + "_" + j.arch + ".oci.tar", image}} {
		path := filepath.Join(j.out, f.name)
		if err := os.WriteFile(path, f.body, 0o644); err != nil { // public
			return made, err
		}
		made = append(made, path)
	}
	return made, nil
}

// entry is a file as it is installed.
type entry struct {
	name string // from the root, without the first slash
	mode int64
	body []byte
}

// tree is everything that is installed.
func (j job) tree(list []byte) (all []entry, err error) {
	add := func(name string, mode int64, body []byte, e error) {
		if err == nil {
			err = e
		}
		all = append(all, entry{name, mode, body})
	}
	own := func(name string) ([]byte, error) { return files.ReadFile("files/" + name) }
	source := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(j.sources, name)) }
	for _, f := range []struct {
		name string
		mode int64
		from func(string) ([]byte, error)
		what string
	}{
		{"etc/pbx/pbx.yaml", 0o640, own, "pbx.yaml"},
		{"usr/bin/pbx", 0o755, os.ReadFile, j.program},
		{"usr/lib/systemd/system/pbx.service", 0o644, own, "pbx.service"},
		{"usr/lib/sysusers.d/naisen.conf", 0o644, own, "sysusers.conf"},
		{"usr/share/doc/naisen/alerts.yaml", 0o644, source, "docs/ops/alerts.yaml"},
		{"usr/share/doc/naisen/copyright", 0o644, source, "LICENSE"},
		{"usr/share/doc/naisen/grafana.json", 0o644, source, "docs/ops/grafana.json"},
		{"usr/share/doc/naisen/operations.md", 0o644, source, "docs/operations.md"},
		{"usr/share/doc/naisen/pbx.example.yaml", 0o644, source, "pbx.example.yaml"},
	} {
		body, e := f.from(f.what)
		add(f.name, f.mode, body, e)
	}
	add("usr/share/doc/naisen/sbom.cdx.json", 0o644, list, nil)
	return all, err
}
