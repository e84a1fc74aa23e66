package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"naisen/provisioning"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/objstore/s3"
)

// StorageConfig says where sealed recordings go.
type StorageConfig struct {
	Kind     string `yaml:"kind"`     // "dir" (default) or "s3"
	Path     string `yaml:"path"`     // dir: "objects" below data when missing; of several nodes a folder that all have mounted
	Endpoint string `yaml:"endpoint"` // s3: host:port
	TLS      *bool  `yaml:"tls"`      // s3: default true
	Region   string `yaml:"region"`
	Bucket   string `yaml:"bucket"` // of all domains that have none of their own, and of the audit log's checkpoints
	Lock     string `yaml:"lock"`   // s3: how the bucket locks recordings until they are due: "compliance" (default) or "governance"
	Access   Secret `yaml:"access_key"`
	Secret   Secret `yaml:"secret_key"`

	Buckets map[string]string `yaml:"buckets"` // s3: domain -> bucket of its own
	Former  []string          `yaml:"former"`  // s3: buckets in which recordings of before may lie: they are looked in, and nothing new goes there

	Identity  string `yaml:"identity"`   // s3: "keys" (default: the two above), "machine" (IAM of the instance, task or pod), "web-identity" or "role" (STS)
	STS       string `yaml:"sts"`        // URL of the STS, of a machine that of its metadata where it is another than usual
	Role      string `yaml:"role"`       // ARN of the role that is assumed
	TokenFile string `yaml:"token_file"` // web-identity: the token, kept fresh by the platform
}

// Modes of Object Lock: nobody can shorten the first, not even the account's root; the second can be by who has that right at the storage.
const (
	lockCompliance = "compliance"
	lockGovernance = "governance"
)

func (s StorageConfig) validate() error {
	if s.Lock != "" && s.Lock != lockCompliance && s.Lock != lockGovernance {
		return invalid("storage.lock", `is "compliance" or "governance"`)
	}
	switch s.Kind {
	case "dir":
		switch {
		case s.Lock != "":
			return invalid("storage.lock", "is for s3: a directory keeps its own locks")
		case len(s.Buckets) > 0 || len(s.Former) > 0:
			return invalid("storage.buckets", "is for s3, as is storage.former")
		}
		return nil
	case "s3":
		if s.Path != "" {
			return invalid("storage.path", "is for a directory")
		}
		if s.Endpoint == "" || s.Bucket == "" {
			return invalid("storage", "s3 needs endpoint and bucket")
		}
		if s.Identity != "" && s.Identity != "keys" {
			if err := s.s3(s.Bucket).Validate(); err != nil {
				return invalid("storage.identity", "%v", err)
			}
		}
		return s.validateBuckets()
	}
	return invalid("storage.kind", `is "dir" or "s3"`)
}

// validateBuckets wants domains as they are written everywhere, and bucket names that any S3 server takes.
func (s StorageConfig) validateBuckets() error {
	for _, domain := range slices.Sorted(maps.Keys(s.Buckets)) {
		if err := (provisioning.Domain{Name: domain}).Validate(); err != nil || domain == messagesPart {
			return invalid("storage.buckets", "%q is no domain", domain)
		}
		if bucket := s.Buckets[domain]; bucket == s.Bucket {
			return invalid("storage.buckets", "%s: %s is storage.bucket: leave the line out", domain, bucket)
		} else if err := s3.CheckBucket(bucket); err != nil {
			return invalid("storage.buckets", "%s: %v", domain, err)
		}
	}
	for i, bucket := range s.Former {
		if err := s3.CheckBucket(bucket); err != nil {
			return invalid(fmt.Sprintf("storage.former[%d]", i), "%v", err)
		}
	}
	return nil
}

// s3 is how a bucket is reached.
func (s StorageConfig) s3(bucket string) s3.Config {
	return s3.Config{Endpoint: s.Endpoint, Plain: s.TLS != nil && !*s.TLS, Region: s.Region, Bucket: bucket, Governance: s.Lock == lockGovernance,
		AccessKey: s.Access.value, SecretKey: s3.Secret(s.Secret.value),
		Source: s3.Source{Identity: s3.Identity(s.Identity), Endpoint: s.STS, Role: s.Role, TokenFile: s.TokenFile}}
}

// openObjects is the configured store: a directory below the data, or one bucket or several.
func openObjects(c Config) (objstore.Store, error) {
	switch {
	case c.Storage.Kind != "dir":
	case c.Node != "" && c.Storage.Path != "":
		return dir.Shared(c.objectsPath(), time.Now)
	default:
		return dir.Open(c.objectsPath(), time.Now)
	}
	return c.Storage.open()
}

// objectsPath is the folder of a store that is one.
func (c Config) objectsPath() string {
	if c.Storage.Path != "" {
		return c.Storage.Path
	}
	return c.path("objects")
}

// storeBeside is the same beside a switch that may be running.
func storeBeside(c Config) (objstore.Store, error) {
	if c.Storage.Kind == "dir" {
		return dir.Beside(c.objectsPath(), time.Now)
	}
	return c.Storage.open()
}

// buckets are what recordings lie in, as one store.
type buckets struct {
	objstore.Store
	all []bucket
}

// bucket is one of them.
type bucket struct {
	*s3.Store
	name    string
	domains []string // whose own it is
	key     string   // of the configuration that names it
}

// String names it and whose it is.
func (b bucket) String() string {
	if len(b.domains) == 0 {
		return b.name
	}
	return b.name + " of " + strings.Join(b.domains, ", ")
}

// Uncover implements objstore.Uncoverer.
func (b *buckets) Uncover(ctx context.Context, name string) (int, error) {
	return b.Store.(objstore.Uncoverer).Uncover(ctx, name)
}

// open makes a client for each bucket that the configuration names, and one store of them.
func (s StorageConfig) open() (*buckets, error) {
	b := &buckets{}
	stores := map[string]*bucket{}
	add := func(name, key string) (objstore.Store, error) {
		if had := stores[name]; had != nil {
			return had.Store, nil
		}
		one, err := s3.Open(s.s3(name))
		if err != nil {
			return nil, err
		}
		stores[name] = &bucket{Store: one, name: name, key: key}
		if name != s.Bucket {
			stores[name].key += " (" + name + ")"
		}
		return one, nil
	}
	shared, err := add(s.Bucket, "storage.bucket")
	if err != nil {
		return nil, err
	}
	cfg := objstore.SplitConfig{Shared: shared, Own: map[string]objstore.Store{}, Kinds: []string{messagesPart}}
	for domain, name := range s.Buckets {
		if cfg.Own[domain], err = add(name, "storage.buckets"); err != nil {
			return nil, err
		}
		stores[name].domains = append(stores[name].domains, domain)
	}
	for _, name := range s.Former {
		old, err := add(name, "storage.former")
		if err != nil {
			return nil, err
		}
		cfg.Former = append(cfg.Former, old)
	}
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		slices.Sort(stores[name].domains)
		b.all = append(b.all, *stores[name])
	}
	b.Store = objstore.NewSplit(cfg)
	return b, nil
}

// errNoLock is what is told at the start, by `pbx check` and by an alarm.
var errNoLock = errors.New("the bucket was made without Object Lock: whoever has its keys can delete recordings before their time and under a legal hold; make a bucket with Object Lock and move to it")

// guard asks the bucket how it is set up. errNoLock: it locks nothing.
func (b bucket) guard(ctx context.Context) (s3.Guard, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	g, err := b.Guard(ctx)
	if err == nil && !g.Locks {
		err = errNoLock
	}
	return g, err
}

// bucketWatch asks buckets whether they lock what lies in them.
type bucketWatch struct {
	log      *slog.Logger
	mu       sync.Mutex
	unlocked map[string]bool // by name: it was made without Object Lock
}

// run asks until each bucket has said that it locks, and goes on asking those that do not: somebody may change that. A directory keeps its own locks.
func (w *bucketWatch) run(ctx context.Context, s objstore.Store) {
	b, ok := s.(*buckets)
	if !ok {
		return
	}
	left := slices.Clone(b.all)
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		left = slices.DeleteFunc(left, func(one bucket) bool { return w.ask(ctx, one) })
		if len(left) == 0 {
			return // a lock cannot be taken from a bucket
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ask says whether a bucket locks.
func (w *bucketWatch) ask(ctx context.Context, b bucket) bool {
	_, err := b.guard(ctx)
	w.mu.Lock()
	was := w.unlocked[b.name]
	switch {
	case err == nil:
		delete(w.unlocked, b.name)
	case errors.Is(err, errNoLock):
		w.unlocked[b.name] = true
	}
	w.mu.Unlock()
	switch {
	case errors.Is(err, errNoLock) && !was:
		w.log.Error("pbx: RECORDINGS ARE NOT LOCKED", "bucket", b.String(), "err", err)
	case err != nil && !errors.Is(err, errNoLock) && ctx.Err() == nil:
		w.log.Warn("pbx: whether the bucket locks recordings is not known yet", "bucket", b.String(), "err", err)
	}
	return err == nil
}

// troubled are the buckets that lock nothing, for an alarm.
func (w *bucketWatch) troubled() map[[2]string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[[2]string]string{}
	for name := range w.unlocked {
		all[[2]string{"", name}] = ""
	}
	return all
}

// checkBuckets says how each bucket keeps recordings. One without Object Lock, and one that cannot be asked, is a warning: the configuration is right.
func checkBuckets(ctx context.Context, c Config, out io.Writer) error {
	b, err := c.Storage.open()
	if err != nil {
		return err
	}
	for _, one := range b.all {
		g, err := one.guard(ctx)
		switch {
		case errors.Is(err, errNoLock):
			fmt.Fprintf(out, "WARNING %s: %v\n", one.key, err)
		case err != nil:
			fmt.Fprintln(out, "WARNING storage: the bucket could not be asked whether it locks recordings:", err)
		default:
			mode := lockCompliance
			if c.Storage.Lock == lockGovernance {
				mode = lockGovernance
			}
			fmt.Fprintf(out, "storage: bucket %s locks recordings until they are due (%s)\n", one, mode)
		}
		if g.Default != "" {
			fmt.Fprintf(out, "storage: bucket %s has a rule of its own for everything that is put into it, also for voice messages: %s\n", one, g.Default)
		}
	}
	return nil
}
