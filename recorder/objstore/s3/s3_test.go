package s3

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"naisen/recorder/objstore"
	"naisen/recorder/objstore/objstoretest"
	"naisen/recorder/objstore/s3/s3server"
)

var server = flag.String("server", s3server.Usual, "which S3 server the tests run on; make stores takes one after the other")

func start(t *testing.T) *s3server.Server {
	t.Helper()
	return s3server.StartKind(t, *server)
}

func TestConformance(t *testing.T) {
	srv := start(t)
	for _, prefix := range []string{"", "recordings/"} {
		s := open(t, srv, "suite"+strings.TrimSuffix(prefix, "/"), func(c *Config) {
			c.Prefix = prefix
			if prefix != "" { // the suite's largest object goes in parts, and in the other mode
				c.PartSize, c.Governance = leastPart, true
			}
		})
		if err := s.Ensure(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if err := s.Ensure(t.Context(), true); err != nil {
			t.Errorf("a second time: %v", err)
		}
		t.Run("prefix "+prefix, func(t *testing.T) { objstoretest.Run(t, s, time.Now) })
	}
}

func open(t *testing.T, srv *s3server.Server, bucket string, change func(*Config)) *Store {
	t.Helper()
	cfg := Config{Endpoint: srv.Addr, Plain: true, Bucket: bucket, AccessKey: srv.Access, SecretKey: Secret(srv.Secret)}
	if change != nil {
		change(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, name string, b []byte, lock objstore.Lock) {
	t.Helper()
	if err := s.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), lock); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

// A bucket that was made without Object Lock says so, keeps what it is given, and never claims to have locked it.
func TestBucketWithoutLock(t *testing.T) {
	srv := start(t)
	s := open(t, srv, "plain", nil)
	if _, err := s.Guard(t.Context()); err == nil {
		t.Error("a bucket that is not there has a guard")
	}
	if err := s.Ensure(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Guard(t.Context()); err != nil || g.Locks || g.Versions {
		t.Errorf("guard: %+v %v", g, err)
	}
	put(t, s, "x.age", []byte("x"), objstore.Lock{})
	if err := s.Retain(t.Context(), "x.age", time.Now().Add(time.Hour)); !errors.Is(err, objstore.ErrNoLocks) {
		t.Errorf("retain: %v", err)
	}
	if err := s.Hold(t.Context(), "x.age", true); !errors.Is(err, objstore.ErrNoLocks) {
		t.Errorf("hold: %v", err)
	}
	for name, lock := range map[string]objstore.Lock{"held.age": {LegalHold: true}, "kept.age": {Until: time.Now().Add(time.Hour)}} {
		if err := s.Put(t.Context(), name, bytes.NewReader(nil), 0, lock); !errors.Is(err, objstore.ErrNoLocks) {
			t.Errorf("put under %+v: %v", lock, err)
		}
	}
	if l, err := s.Locked(t.Context(), "x.age"); err != nil || !l.IsZero() {
		t.Errorf("locked: %+v %v", l, err)
	}
	if err := s.Delete(t.Context(), "x.age"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := s.Delete(t.Context(), "x.age"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("delete again: %v", err)
	}
}

// Row H9, by who has the storage's own keys: what is locked survives a raw delete of its version, and one that hides it behind a marker is undone
// by the marker's removal. When its time is over, nothing of any version stays.
func TestVersions(t *testing.T) {
	srv := start(t)
	s := open(t, srv, "locked", nil)
	if err := s.Ensure(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Guard(t.Context()); err != nil || !g.Locks || !g.Versions {
		t.Errorf("guard: %+v %v", g, err)
	}
	put(t, s, "held.age", []byte("held"), objstore.Lock{LegalHold: true})
	info, err := s.head(t.Context(), "held.age", "")
	if err != nil || info.VersionID == "" {
		t.Fatalf("%+v %v", info, err)
	}
	raw := func(name, version string) error {
		return s.c.RemoveObject(t.Context(), s.cfg.Bucket, name, minio.RemoveObjectOptions{VersionID: version})
	}
	if err := meaning(raw("held.age", info.VersionID)); !errors.Is(err, objstore.ErrLocked) {
		t.Errorf("raw delete of the version: %v", err)
	}
	if err := raw("held.age", ""); err != nil { // S3 allows this: it hides, and deletes nothing
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), "held.age"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("hidden: %v", err)
	}
	if err := s.Delete(t.Context(), "held.age"); !errors.Is(err, objstore.ErrLocked) {
		t.Errorf("delete of a hidden, held one: %v", err)
	}
	if n, err := s.Uncover(t.Context(), "held.age"); err != nil || n != 1 {
		t.Errorf("uncover: %d %v", n, err)
	}
	if n, err := s.Uncover(t.Context(), "held.age"); err != nil || n != 0 {
		t.Errorf("uncover again: %d %v", n, err)
	}
	if l, err := s.Locked(t.Context(), "held.age"); err != nil || !l.LegalHold {
		t.Errorf("after it: %+v %v", l, err)
	}
	if err := s.Hold(t.Context(), "held.age", false); err != nil {
		t.Fatal(err)
	}
	// A second version, as an outsider with the keys can make it, and a marker on top.
	if _, err := s.c.Client.PutObject(t.Context(), s.cfg.Bucket, "held.age", strings.NewReader("other"), 5, minio.PutObjectOptions{SendContentMd5: true}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(raw("held.age", ""), s.Delete(t.Context(), "held.age")); err != nil {
		t.Errorf("delete: %v", err)
	}
	if all, err := s.versions(t.Context(), "held.age"); err != nil || len(all) != 0 {
		t.Errorf("left: %+v %v", all, err)
	}
}

// A lock ends with its time by the server's clock, which is asked for with every answer.
func TestLockEnds(t *testing.T) {
	srv := start(t)
	s := open(t, srv, "ends", nil)
	if err := s.Ensure(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	put(t, s, "short.age", []byte("x"), objstore.Lock{Until: time.Now().Add(3 * time.Second)})
	if err := s.Delete(t.Context(), "short.age"); !errors.Is(err, objstore.ErrLocked) {
		t.Errorf("before: %v", err)
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	late := time.Now().Add(30 * time.Second)
	for range tick.C {
		err := s.Delete(t.Context(), "short.age")
		if err == nil {
			break
		}
		if !errors.Is(err, objstore.ErrLocked) || time.Now().After(late) {
			t.Fatalf("after: %v", err)
		}
	}
	if off := time.Duration(s.clock.offset.Load()); off == 0 || off.Abs() > 3*time.Second {
		t.Errorf("the server's clock was not heard: %v", off)
	}
}

// A large object goes in parts, one of several writers wins, and what did not come to its end leaves no parts behind.
func TestParts(t *testing.T) {
	srv := start(t)
	s := open(t, srv, "parts", func(c *Config) { c.PartSize = leastPart })
	if err := s.Ensure(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	b := bytes.Repeat([]byte("0123456789abcdef"), (2*leastPart+leastPart/2)/16)
	until := time.Now().Add(time.Hour)
	put(t, s, "large.age", b, objstore.Lock{Until: until})
	if err := s.Put(t.Context(), "large.age", bytes.NewReader(b), int64(len(b)), objstore.Lock{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	l, err := s.Locked(t.Context(), "large.age")
	if err != nil || l.Until.Before(until) || l.Until.After(until.Add(2*time.Second)) {
		t.Errorf("locked %+v %v, want %v", l, err, until)
	}
	r, err := s.Get(t.Context(), "large.age", leastPart-8, 16)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "89abcdef01234567" {
		t.Errorf("across two parts: %q %v", got, err)
	}
	cut := &cutReader{bytes.NewReader(b), leastPart + 100, 1}
	if err := s.Put(t.Context(), "cut.age", cut, int64(len(b)), objstore.Lock{}); err == nil {
		t.Error("a file that shrank was stored")
	}
	uploads, err := s.c.ListMultipartUploads(t.Context(), s.cfg.Bucket, "", "", "", "", 100)
	if err != nil || len(uploads.Uploads) != 0 {
		t.Errorf("parts left: %+v %v", uploads.Uploads, err)
	}
}

// cutReader gives all on its first pass, and less on those after it.
type cutReader struct {
	*bytes.Reader
	reads  int64
	passes int // that give all
}

func (c *cutReader) Read(p []byte) (int, error) {
	at, _ := c.Reader.Seek(0, io.SeekCurrent)
	if at == 0 {
		c.passes--
	}
	if c.passes < 0 && at >= c.reads {
		return 0, io.EOF
	}
	return c.Reader.Read(p)
}

func TestConfig(t *testing.T) {
	ok := Config{Endpoint: "127.0.0.1:9", Bucket: "b", AccessKey: "a", SecretKey: "hunter2"}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*Config){func(c *Config) { c.Endpoint = "http://x" }, func(c *Config) { c.Bucket = "" },
		func(c *Config) { c.SecretKey = "" }, func(c *Config) { c.Prefix = "x" }, func(c *Config) { c.Prefix = "../" },
		func(c *Config) { c.PartSize = 1000 }} {
		c := ok
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", ok, ok, ok); strings.Contains(text, "hunter2") {
		t.Error("the secret is printed")
	}
}

// A server that is not there is an error of its own, neither a missing object nor an existing one.
func TestDown(t *testing.T) {
	s, err := Open(Config{Endpoint: "127.0.0.1:1", Plain: true, Bucket: "b", AccessKey: "a", SecretKey: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), "x"); err == nil {
		t.Error("no error")
	}
}

// What servers say in words of their own means the same: `make stores` heard each of these.
func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		res  minio.ErrorResponse
		want error
	}{
		{minio.ErrorResponse{StatusCode: 400, Code: "InvalidRequest", Message: "Object is WORM protected and cannot be overwritten"}, objstore.ErrLocked}, // MinIO
		{minio.ErrorResponse{StatusCode: 400, Code: "InvalidRequest", Message: "Bucket is missing ObjectLockConfiguration"}, objstore.ErrNoLocks},
		{minio.ErrorResponse{StatusCode: 403, Code: "AccessDenied", Message: "Access Denied because object protected by object lock."}, objstore.ErrLocked},
		{minio.ErrorResponse{StatusCode: 412, Code: "PreconditionFailed"}, objstore.ErrExists},
		{minio.ErrorResponse{StatusCode: 404, Code: "NoSuchKey"}, objstore.ErrNotFound},
	} {
		if err := meaning(c.res); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.res, err)
		}
	}
	for _, res := range []minio.ErrorResponse{{StatusCode: 404, Code: minio.NoSuchBucket}, {StatusCode: 400, Code: "InvalidRequest", Message: "no"}, {StatusCode: 503, Code: "SlowDown"}} {
		err := meaning(res)
		for _, other := range []error{objstore.ErrLocked, objstore.ErrNoLocks, objstore.ErrExists, objstore.ErrNotFound} {
			if errors.Is(err, other) {
				t.Errorf("%+v: %v", res, err)
			}
		}
	}
}
