package s3

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/recorder/objstore/objstoretest"
	"naisen/recorder/objstore/s3/s3server"
)

func TestConformance(t *testing.T) {
	srv := s3server.Start(t)
	for _, prefix := range []string{"", "recordings/"} {
		bucket := "suite" + strings.TrimSuffix(prefix, "/")
		s, err := Open(Config{Endpoint: srv.Addr, Plain: true, Bucket: bucket, Prefix: prefix, AccessKey: srv.Access, SecretKey: Secret(srv.Secret)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ensure(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if err := s.Ensure(t.Context(), true); err != nil {
			t.Errorf("a second time: %v", err)
		}
		t.Run("prefix "+prefix, func(t *testing.T) { objstoretest.Run(t, s, time.Now) })
	}
}

func TestConfig(t *testing.T) {
	ok := Config{Endpoint: "127.0.0.1:9", Bucket: "b", AccessKey: "a", SecretKey: "hunter2"}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*Config){func(c *Config) { c.Endpoint = "http://x" }, func(c *Config) { c.Bucket = "" },
		func(c *Config) { c.SecretKey = "" }, func(c *Config) { c.Prefix = "x" }, func(c *Config) { c.Prefix = "../" }} {
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
