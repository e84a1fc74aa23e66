package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"naisen/recorder/objstore"
)

// Guard is what a bucket does for what lies in it.
type Guard struct {
	Locks    bool   // it was made with Object Lock; without it nothing is kept from being deleted
	Versions bool   // it keeps what is overwritten or deleted without a version
	Default  string // its own rule for new objects, such as "GOVERNANCE 30 DAYS"; empty: none
}

// Guard asks the server how the bucket is set up. An error of the server is one: whether there are locks is not known then.
func (s *Store) Guard(ctx context.Context) (Guard, error) {
	var g Guard
	ok, err := s.c.BucketExists(ctx, s.cfg.Bucket)
	if err == nil && !ok {
		err = errors.New("there is no such bucket")
	}
	if err != nil {
		return g, fmt.Errorf("s3: bucket %s: %w", s.cfg.Bucket, err)
	}
	enabled, mode, validity, unit, err := s.c.GetObjectLockConfig(ctx, s.cfg.Bucket)
	switch {
	case err == nil:
		g.Locks = enabled == "Enabled"
	case minio.ToErrorResponse(err).Code != "ObjectLockConfigurationNotFoundError":
		return g, fmt.Errorf("s3: lock of bucket %s: %w", s.cfg.Bucket, err)
	}
	if mode != nil && validity != nil && unit != nil {
		g.Default = fmt.Sprintf("%s %d %s", *mode, *validity, *unit)
	}
	status, err := s.versioning(ctx)
	if err != nil {
		return g, fmt.Errorf("s3: versions of bucket %s: %w", s.cfg.Bucket, err)
	}
	g.Versions = status == minio.Enabled
	return g, nil
}

// versioning is "Enabled", "Suspended", or empty for a bucket that never kept versions, also at a server that knows none.
func (s *Store) versioning(ctx context.Context) (string, error) {
	v, err := s.c.GetBucketVersioning(ctx, s.cfg.Bucket)
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotImplemented {
		return "", nil
	}
	return v.Status, err
}

func (s *Store) mode() minio.RetentionMode {
	if s.cfg.Governance {
		return minio.Governance
	}
	return minio.Compliance
}

// wholeSecond is t or the next whole second: a header has no fraction, and nothing is to be free before its time.
func wholeSecond(t time.Time) time.Time {
	if u := t.UTC().Truncate(time.Second); !u.Before(t) {
		return u
	}
	return t.UTC().Truncate(time.Second).Add(time.Second)
}

// Retain implements objstore.Store. A time that is over is left out: servers refuse it, and it locks nothing.
func (s *Store) Retain(ctx context.Context, name string, until time.Time) error {
	info, err := s.head(ctx, name, "")
	if err != nil {
		return fmt.Errorf("s3: retain %s: %w", name, err)
	}
	until = wholeSecond(until)
	if !until.After(info.lock().Until) || !until.After(s.now().Add(clockGrain)) {
		return nil
	}
	mode := s.mode()
	if had := minio.RetentionMode(info.Metadata.Get("X-Amz-Object-Lock-Mode")); had.IsValid() {
		mode = had // another one would count as weakening, or be stronger than what somebody chose
	}
	err = s.c.PutObjectRetention(ctx, s.cfg.Bucket, s.cfg.Prefix+name, minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until, VersionID: info.VersionID})
	if err != nil {
		return fmt.Errorf("s3: retain %s: %w", name, meaning(err))
	}
	return nil
}

// Hold implements objstore.Store.
func (s *Store) Hold(ctx context.Context, name string, on bool) error {
	info, err := s.head(ctx, name, "")
	if err != nil {
		return fmt.Errorf("s3: hold %s: %w", name, err)
	}
	if info.lock().LegalHold == on {
		return nil
	}
	status := minio.LegalHoldDisabled
	if on {
		status = minio.LegalHoldEnabled
	}
	err = s.c.PutObjectLegalHold(ctx, s.cfg.Bucket, s.cfg.Prefix+name, minio.PutObjectLegalHoldOptions{Status: &status, VersionID: info.VersionID})
	if err != nil {
		return fmt.Errorf("s3: hold %s: %w", name, meaning(err))
	}
	return nil
}

// Locked implements objstore.Store.
func (s *Store) Locked(ctx context.Context, name string) (objstore.Lock, error) {
	info, err := s.head(ctx, name, "")
	if err != nil {
		return objstore.Lock{}, fmt.Errorf("s3: lock of %s: %w", name, err)
	}
	return info.lock(), nil
}

// Delete implements objstore.Store. Deleting without a version would succeed under a lock and hide the object behind a marker, so each version is
// named, and markers go too, after what they hide. The server has the last word on a lock; it is asked for all of them first, so that nothing goes if
// one stays (of a version that is not the latest some, versitygw among them, do not tell a hold, and only refuse).
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	all, err := s.versions(ctx, name)
	if err == nil && len(all) == 0 {
		err = objstore.ErrNotFound
	}
	for i := 0; i < len(all) && err == nil; i++ {
		if all[i].IsDeleteMarker {
			continue
		}
		var info headed
		if info, err = s.head(ctx, name, all[i].VersionID); err == nil && info.lock().Stands(s.now()) {
			err = objstore.ErrLocked
		}
	}
	slices.SortStableFunc(all, func(x, y minio.ObjectInfo) int { return cmp.Compare(rank(x), rank(y)) })
	for i := 0; i < len(all) && err == nil; i++ {
		err = meaning(s.c.RemoveObject(ctx, s.cfg.Bucket, s.cfg.Prefix+name, minio.RemoveObjectOptions{VersionID: all[i].VersionID}))
	}
	if err != nil {
		return fmt.Errorf("s3: delete %s: %w", name, err)
	}
	return nil
}

// rank puts markers behind what they hide.
func rank(v minio.ObjectInfo) int {
	if v.IsDeleteMarker {
		return 1
	}
	return 0
}

// Uncover removes the markers that hide an object which is still there, and says how many: somebody deleted it without naming its version.
func (s *Store) Uncover(ctx context.Context, name string) (int, error) {
	if err := objstore.CheckName(name); err != nil {
		return 0, err
	}
	all, err := s.versions(ctx, name)
	n := 0
	for i := 0; i < len(all) && err == nil; i++ {
		if all[i].IsDeleteMarker {
			err = meaning(s.c.RemoveObject(ctx, s.cfg.Bucket, s.cfg.Prefix+name, minio.RemoveObjectOptions{VersionID: all[i].VersionID}))
			n++
		}
	}
	if err != nil {
		return 0, fmt.Errorf("s3: uncover %s: %w", name, err)
	}
	return n, nil
}

// versions are all of one object, with the markers that hide it. In a bucket without versions that is the object itself, without a version to name.
func (s *Store) versions(ctx context.Context, name string) ([]minio.ObjectInfo, error) {
	status, err := s.versioning(ctx)
	if err != nil {
		return nil, meaning(err)
	}
	if status == "" {
		info, err := s.head(ctx, name, "")
		if errors.Is(err, objstore.ErrNotFound) {
			return nil, nil
		}
		info.VersionID = ""
		return []minio.ObjectInfo{info.ObjectInfo}, err
	}
	ctx, cancel := context.WithCancel(ctx) // ends minio-go's goroutine when we stop early
	defer cancel()
	key := s.cfg.Prefix + name
	var all []minio.ObjectInfo
	for info := range s.c.Client.ListObjects(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}) {
		switch {
		case info.Err != nil:
			return nil, meaning(info.Err)
		case info.Key == key:
			all = append(all, info)
		default:
			return all, ctx.Err() // in the order of names, all of key's own come first
		}
	}
	return all, ctx.Err()
}

// headed is an object's headers.
type headed struct{ minio.ObjectInfo }

func (h headed) lock() objstore.Lock {
	until, _ := time.Parse(time.RFC3339, h.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")) // absent: zero
	return objstore.Lock{Until: until, LegalHold: strings.EqualFold(h.Metadata.Get("X-Amz-Object-Lock-Legal-Hold"), "ON")}
}

// head asks for one version; empty: the latest.
func (s *Store) head(ctx context.Context, name, version string) (headed, error) {
	if err := objstore.CheckName(name); err != nil {
		return headed{}, err
	}
	info, err := s.c.StatObject(ctx, s.cfg.Bucket, s.cfg.Prefix+name, minio.StatObjectOptions{VersionID: version})
	if err != nil {
		return headed{}, meaning(err)
	}
	return headed{info}, nil
}
