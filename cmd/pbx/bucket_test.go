package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/recorder/objstore/s3"
	"naisen/recorder/objstore/s3/s3server"
)

// `pbx check` says in plain words whether the bucket locks recordings, and so does an alarm while the switch runs; neither refuses to go on.
func TestBucketsLockIsTold(t *testing.T) {
	srv := s3server.Start(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	access, secret := write("access", srv.Access), write("secret", srv.Secret)
	for _, c := range []struct {
		bucket, addr, lock string
		make, locks        bool
		want               string
	}{
		{"open", srv.Addr, "compliance", true, false, "WARNING storage.bucket: the bucket was made without Object Lock"},
		{"locked", srv.Addr, "governance", true, true, "storage: bucket locked locks recordings until they are due (governance)"},
		{"none", srv.Addr, "compliance", false, false, "WARNING storage: the bucket could not be asked"},
		{"away", "127.0.0.1:1", "compliance", false, false, "WARNING storage: the bucket could not be asked"},
	} {
		if c.make {
			s, err := s3.Open(s3.Config{Endpoint: srv.Addr, Plain: true, Bucket: c.bucket, AccessKey: srv.Access, SecretKey: s3.Secret(srv.Secret)})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Ensure(t.Context(), c.locks); err != nil {
				t.Fatal(err)
			}
		}
		config := write("pbx.yaml", "storage:\n  kind: s3\n  tls: false\n  endpoint: "+c.addr+"\n  bucket: "+c.bucket+"\n  lock: "+c.lock+
			"\n  access_key: file:"+access+"\n  secret_key: file:"+secret+"\n")
		var out bytes.Buffer
		if code := run(context.Background(), []string{"check", "--config", config}, &out, io.Discard); code != 0 {
			t.Errorf("%s: %d", c.bucket, code)
		}
		if !strings.Contains(out.String(), c.want) || !strings.HasSuffix(out.String(), "ok\n") || strings.Contains(out.String(), srv.Secret) {
			t.Errorf("%s: %s", c.bucket, out.String())
		}
	}
}
