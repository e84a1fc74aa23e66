package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// blob is a file of an OCI image, named by what is in it.
type blob struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`

	Annotations map[string]string `json:"annotations,omitempty"`
}

func digest(body []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(body)) }

// image is an OCI image (image-spec 1.1) in a tar archive: one layer with the program, a user of its own, and no shell. Authorities for TLS are not in it: they are
// the host's to give, as /etc/ssl/certs.
func (j job) image(tree []entry) ([]byte, error) {
	inside := append(slices.Clone(tree), entry{"etc/passwd", 0o644, []byte("root:x:0:0:root:/:/sbin/nologin\npbx:x:10001:10001:Naisen:/var/lib/pbx:/sbin/nologin\n")},
		entry{"etc/group", 0o644, []byte("root:x:0:\npbx:x:10001:\n")}, entry{"var/lib/pbx/.keep", 0o644, nil})
	slices.SortFunc(inside, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i, e := range inside {
		if strings.HasPrefix(e.name, "etc/pbx/") {
			inside[i].mode = 0o644 // its user is not the owner here
		}
	}
	layer, err := tarball(inside, "", j.date)
	if err != nil {
		return nil, err
	}
	packed, err := zipped(layer)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"created": j.date, "architecture": j.arch, "os": "linux",
		"config": map[string]any{"User": "10001:10001", "Entrypoint": []string{"/usr/bin/pbx"}, "Cmd": []string{"serve", "--config", "/etc/pbx/pbx.yaml"}, "WorkingDir": "/var/lib/pbx",
			"Volumes": map[string]any{"/var/lib/pbx": map[string]any{}}, "StopSignal": "SIGTERM"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": blob{MediaType: "application/vnd.oci.image.config.v1+json", Digest: digest(config), Size: len(config)},
		"layers": []blob{{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Digest: digest(packed), Size: len(packed)}}})
	if err != nil {
		return nil, err
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []blob{{
		MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: digest(manifest), Size: len(manifest), Annotations: map[string]string{"org.opencontainers.image.ref.name": j.version}}}})
	if err != nil {
		return nil, err
	}
	all := []entry{{"index.json", 0o644, index}, {"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
	for _, body := range [][]byte{config, manifest, packed} {
		all = append(all, entry{"blobs/" + strings.Replace(digest(body), ":", "/", 1), 0o644, body})
	}
	return tarball(all, "", j.date)
}
