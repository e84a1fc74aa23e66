// Package s3 is an objstore.Store in a bucket of any S3-compatible server. It is the only importer of minio-go.
// It never makes a bucket by itself and keeps no state: what a request does not answer is asked again by whoever called.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"naisen/recorder/objstore"
)

// Secret is an access secret that no log prints.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[redacted]" }

// GoString hides the secret.
func (Secret) GoString() string { return "[redacted]" }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Config of a Store.
type Config struct {
	Endpoint   string // host:port, without a scheme
	Plain      bool   // http instead of https: for a server on this machine only
	Region     string // default us-east-1
	Bucket     string
	Prefix     string // of every name, such as "recordings/"; empty: none
	AccessKey  string
	SecretKey  Secret
	Source     Source            // of credentials, where they are not these two
	Governance bool              // object lock mode governance instead of compliance
	PartSize   int64             // larger objects go in parts of this size, at least 5 MiB; default 64 MiB
	Transport  http.RoundTripper // default: minio-go's, with the system's roots
}

// Validate says what is missing.
func (c Config) Validate() error {
	switch {
	case c.Endpoint == "" || strings.Contains(c.Endpoint, "/"):
		return errors.New("s3: endpoint: host:port is required")
	case c.Bucket == "":
		return errors.New("s3: bucket is required")
	case c.PartSize != 0 && c.PartSize < leastPart:
		return errors.New("s3: a part has at least 5 MiB")
	case c.Prefix != "" && !strings.HasSuffix(c.Prefix, "/"):
		return errors.New("s3: prefix must end in /")
	}
	return errors.Join(c.Source.validate(c.AccessKey, c.SecretKey), objstore.CheckPrefix(c.Prefix))
}

// CheckBucket allows names of buckets that every S3 server allows.
func CheckBucket(name string) error {
	if err := s3utils.CheckValidBucketNameStrict(name); err != nil {
		return fmt.Errorf("s3: bucket %q: %w", name, err)
	}
	return nil
}

// Store keeps objects in a bucket.
type Store struct {
	cfg   Config
	c     *minio.Core
	clock *serverClock
}

// Open makes the client. It does not ask the server: a store that is down when the switch starts is no reason not to start.
func Open(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.PartSize == 0 {
		cfg.PartSize = usualPart
	}
	clock := &serverClock{next: cfg.Transport}
	if clock.next == nil {
		usual, err := minio.DefaultTransport(!cfg.Plain)
		if err != nil {
			return nil, fmt.Errorf("s3: %w", err)
		}
		clock.next = usual
	}
	// TrailingHeaders stays off: several servers, versitygw among them, do not take what minio-go sends then.
	// MaxRetries 1: the pipeline has its own back-off, and nothing is gained by two of them.
	c, err := minio.NewCore(cfg.Endpoint, &minio.Options{Creds: cfg.Source.credentials(cfg.AccessKey, cfg.SecretKey, cfg.Region),
		Secure: !cfg.Plain, Region: cfg.Region, Transport: clock, BucketLookup: minio.BucketLookupAuto, MaxRetries: 1})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return &Store{cfg, c, clock}, nil
}

// Ensure makes the bucket, with object locking if lock is set, where it does not exist.
func (s *Store) Ensure(ctx context.Context, lock bool) error {
	ok, err := s.c.BucketExists(ctx, s.cfg.Bucket)
	if err == nil && !ok {
		err = s.c.MakeBucket(ctx, s.cfg.Bucket, minio.MakeBucketOptions{Region: s.cfg.Region, ObjectLocking: lock})
	}
	if err != nil {
		return fmt.Errorf("s3: bucket %s: %w", s.cfg.Bucket, err)
	}
	return nil
}

// Get implements objstore.Store.
func (s *Store) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := objstore.CheckName(name); err != nil {
		return nil, err
	}
	var opts minio.GetObjectOptions
	off = max(off, 0)
	var err error
	switch {
	case n == 0: // HTTP has no empty range
		_, err := s.Stat(ctx, name)
		return http.NoBody, err
	case n > 0:
		err = opts.SetRange(off, off+n-1)
	case off > 0:
		err = opts.SetRange(off, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("s3: get %s: %w", name, err)
	}
	body, _, _, err := s.c.GetObject(ctx, s.cfg.Bucket, s.cfg.Prefix+name, opts)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil
	}
	if err != nil {
		return nil, fmt.Errorf("s3: get %s: %w", name, meaning(err))
	}
	return body, nil
}

// Stat implements objstore.Store.
func (s *Store) Stat(ctx context.Context, name string) (objstore.Info, error) {
	info, err := s.head(ctx, name, "")
	if err != nil {
		return objstore.Info{}, fmt.Errorf("s3: stat %s: %w", name, err)
	}
	return s.describe(info.ObjectInfo), nil
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // ends minio-go's goroutine when fn stops early
	defer cancel()
	for info := range s.c.Client.ListObjects(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: s.cfg.Prefix + prefix, Recursive: true}) {
		if info.Err != nil {
			return fmt.Errorf("s3: list: %w", meaning(info.Err))
		}
		if err := fn(s.describe(info)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *Store) describe(info minio.ObjectInfo) objstore.Info {
	return objstore.Info{Name: strings.TrimPrefix(info.Key, s.cfg.Prefix), Size: info.Size, ETag: info.ETag, Modified: info.LastModified}
}

// meaning turns S3's codes into the contract's errors.
func meaning(err error) error {
	res := minio.ToErrorResponse(err)
	switch {
	case res.Code == minio.NoSuchBucket:
		return err // not a missing object: the store is not there
	case res.Code == "InvalidRequest" && strings.Contains(strings.ReplaceAll(strings.ToLower(res.Message), " ", ""), "objectlock"):
		return fmt.Errorf("%w: %s", objstore.ErrNoLocks, res.Code)
	case res.Code == minio.NoSuchKey, res.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %s", objstore.ErrNotFound, res.Code)
	case res.StatusCode == http.StatusPreconditionFailed, res.StatusCode == http.StatusConflict && res.Code == "ConditionalRequestConflict":
		return fmt.Errorf("%w: %s", objstore.ErrExists, res.Code)
	case res.Code == "ObjectLocked", res.Code == "InvalidRequest" && strings.Contains(res.Message, "WORM"), // MinIO's words
		res.Code == "AccessDenied" && strings.Contains(strings.ToLower(res.Message), "lock"):
		return fmt.Errorf("%w: %s", objstore.ErrLocked, res.Code)
	}
	return err
}
