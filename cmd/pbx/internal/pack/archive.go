package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5" // #nosec: what dpkg's list of sums wants; nothing is proved by it
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// tarball packs files with the folders that they are in, all of root and of one time.
func tarball(all []entry, prefix string, date time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	seen := map[string]bool{}
	head := func(h tar.Header) error {
		h.ModTime, h.Format, h.Uname, h.Gname = date, tar.FormatUSTAR, "root", "root"
		return w.WriteHeader(&h)
	}
	for _, e := range all {
		var folders []string
		for dir := path.Dir(e.name); dir != "." && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			folders = append(folders, dir)
		}
		for _, dir := range slices.Backward(folders) {
			if err := head(tar.Header{Typeflag: tar.TypeDir, Name: prefix + dir + "/", Mode: 0o755}); err != nil {
				return nil, err
			}
		}
		if err := head(tar.Header{Typeflag: tar.TypeReg, Name: prefix + e.name, Mode: e.mode, Size: int64(len(e.body))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.body); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// zipped has no name and no time in its head. It is packed fast: better costs three times as long for some percent.
func zipped(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

// deb is a Debian package (deb(5)): an ar archive of the format's version, the control files and the tree.
func (j job) deb(tree []entry) ([]byte, error) {
	var sums strings.Builder
	size := 0
	for _, e := range tree {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(e.body), e.name)
		size += len(e.body)
	}
	post, err := files.ReadFile("files/postinst")
	if err != nil {
		return nil, err
	}
	control := fmt.Sprintf(`Package: naisen
Version: %s
Architecture: %s
Maintainer: Naisen <naisen@localhost>
Installed-Size: %d
Section: comm
Priority: optional
Recommends: ca-certificates
Description: cloud PBX with call recording
 One program: SIP, media, recordings sealed to keys that it does not hold
 open, REST, and an audit log that proves what was done.
`, j.version, j.arch, (size+1023)/1024)
	members := []entry{{"conffiles", 0o644, []byte("/etc/pbx/pbx.yaml\n")}, {"control", 0o644, []byte(control)}, {"md5sums", 0o644, []byte(sums.String())}, {"postinst", 0o755, post}}
	out := bytes.NewBufferString("!<arch>\n")
	j.member(out, "debian-binary", []byte("2.0\n"))
	for _, m := range []struct {
		name string
		all  []entry
	}{{"control.tar.gz", members}, {"data.tar.gz", tree}} {
		packed, err := tarball(m.all, "./", j.date)
		if err == nil {
			packed, err = zipped(packed)
		}
		if err != nil {
			return nil, err
		}
		j.member(out, m.name, packed)
	}
	return out.Bytes(), nil
}

// member of an ar archive.
func (j job) member(out *bytes.Buffer, name string, body []byte) {
	fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, j.date.Unix(), 0, 0, "100644", len(body))
	out.Write(body)
	if len(body)%2 == 1 {
		out.WriteByte('\n')
	}
}
