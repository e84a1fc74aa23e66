package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// packed makes all packages of a program.
func packed(t *testing.T, program string) (made map[string][]byte, dir string) {
	t.Helper()
	dir = t.TempDir()
	j := job{program: program, sources: "../../../..", out: dir, version: "1.2.3", date: time.Unix(1_700_000_000, 0).UTC(), arch: "amd64"}
	names, err := j.run()
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	made = map[string][]byte{}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		made[filepath.Base(name)] = body
	}
	return made, dir
}

// build makes a program of this module that links another one.
func build(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, "./testdata/linked")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, text)
	}
	return out
}

// TestPack: the same program gives the same packages; Debian's own tool reads one, the image's names are what is in it, and the list has each module that is linked.
func TestPack(t *testing.T) {
	program := build(t)
	made, dir := packed(t, program)
	again, _ := packed(t, program)
	for name, body := range made {
		if !bytes.Equal(body, again[name]) {
			t.Errorf("%s is another one each time", name)
		}
	}
	deb := filepath.Join(dir, "naisen_1.2.3_amd64.deb")
	for _, c := range []struct {
		args []string
		want []string
	}{{[]string{"--info", deb}, []string{"Package: naisen", "Version: 1.2.3", "conffiles", "postinst"}},
		{[]string{"--contents", deb}, []string{"-rwxr-xr-x root/root", "./usr/bin/pbx", "./usr/lib/systemd/system/pbx.service", "./etc/pbx/pbx.yaml", "2023-11-14", "sbom.cdx.json"}}} {
		text, err := exec.CommandContext(t.Context(), "dpkg-deb", c.args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, text)
		}
		for _, want := range c.want {
			if !strings.Contains(string(text), want) {
				t.Errorf("dpkg-deb %s: no %q in\n%s", c.args[0], want, text)
			}
		}
	}
	checkImage(t, made["naisen_1.2.3_amd64.oci.tar"])
	checkBill(t, made["naisen_1.2.3.cdx.json"], program)
	if _, err := (job{program: "pack_test.go", out: dir}).run(); err == nil {
		t.Error("a text is packed as a program")
	}
}

// checkImage follows index, manifest and configuration to the layer by the names of what is in them.
func checkImage(t *testing.T, image []byte) {
	t.Helper()
	blobs := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(image)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if blobs[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	at := func(d string, into any) []byte {
		body := blobs["blobs/"+strings.Replace(d, ":", "/", 1)]
		if digest(body) != d {
			t.Fatalf("%s is not what it is called", d)
		}
		if into != nil && json.Unmarshal(body, into) != nil {
			t.Fatalf("%s: %s", d, body)
		}
		return body
	}
	var index, manifest struct {
		Manifests, Layers []blob
		Config            blob
	}
	if err := json.Unmarshal(blobs["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		t.Fatal(err)
	}
	at(index.Manifests[0].Digest, &manifest)
	var config struct {
		Config struct{ User string }
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	at(manifest.Config.Digest, &config)
	if layer := at(manifest.Layers[0].Digest, nil); len(layer) != manifest.Layers[0].Size || len(config.RootFS.DiffIDs) != 1 || config.Config.User != "10001:10001" {
		t.Errorf("%+v", config)
	}
}

func checkBill(t *testing.T, text []byte, program string) {
	t.Helper()
	var list struct {
		BOMFormat  string
		Components []component
	}
	if err := json.Unmarshal(text, &list); err != nil || list.BOMFormat != "CycloneDX" {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, c := range list.Components {
		have[c.Name] = c.Version
	}
	for _, m := range info.Deps {
		if have[m.Path] != m.Version {
			t.Errorf("%s %s is linked and not listed", m.Path, m.Version)
		}
	}
	if len(have) != len(info.Deps)+1 || "go"+have["std"] != info.GoVersion {
		t.Errorf("%v", have)
	}
}

// TestUnit: the service runs as nobody of importance, and nothing takes that back.
func TestUnit(t *testing.T) {
	text, err := files.ReadFile("files/pbx.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"User=pbx", "NoNewPrivileges=yes", "ProtectSystem=strict", "ReadWritePaths=-/srv/backups\n", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n", "MemoryDenyWriteExecute=yes", "LimitCORE=0", "StateDirectoryMode=0700", "SystemCallFilter=@system-service"} {
		if !strings.Contains(string(text), "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
}
