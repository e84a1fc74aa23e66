package s3

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"naisen/recorder/objstore"
)

// Sizes of a part, in bytes. S3 takes no smaller part but the last one, and no more than 10,000 of them.
const (
	leastPart = 5 << 20
	usualPart = 64 << 20
)

// abortLimit bounds how long a failed upload is cleared away.
const abortLimit = 10 * time.Second

// Put implements objstore.Store: one conditional request (If-None-Match: *) makes the object appear, so that of two writers one gets
// ErrExists. The server checks Content-MD5 and SHA-256 of what it is sent before that, of a large object part by part.
func (s *Store) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	digest := sha256.New()
	if err := objstore.Whole(digest, r, size); err != nil {
		return fmt.Errorf("s3: put %s: %w", name, err)
	}
	put := s.putWhole
	if size > s.cfg.PartSize {
		put = s.putParts
	}
	if err := put(ctx, s.cfg.Prefix+name, r, size, digest, s.putOptions(lock)); err != nil {
		return fmt.Errorf("s3: put %s: %w", name, meaning(err))
	}
	return nil
}

func (s *Store) putOptions(lock objstore.Lock) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{ContentType: "application/octet-stream", SendContentMd5: true, DisableMultipart: true}
	if !lock.Until.IsZero() {
		opts.Mode, opts.RetainUntilDate = s.mode(), wholeSecond(lock.Until)
	}
	if lock.LegalHold {
		opts.LegalHold = minio.LegalHoldEnabled
	}
	return opts
}

func (s *Store) putWhole(ctx context.Context, key string, r io.ReadSeeker, size int64, digest hash.Hash, opts minio.PutObjectOptions) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	opts.UserMetadata = map[string]string{"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(digest.Sum(nil))}
	opts.SetMatchETagExcept("*")
	_, err := s.c.Client.PutObject(ctx, s.cfg.Bucket, key, r, size, opts)
	return err
}

// putParts uploads one part after the other; several recordings are on their way at once, so there is nothing to gain within one. What does
// not come to its end is taken away again: its parts would be paid for and never seen.
func (s *Store) putParts(ctx context.Context, key string, r io.ReadSeeker, size int64, _ hash.Hash, opts minio.PutObjectOptions) error {
	id, err := s.c.NewMultipartUpload(ctx, s.cfg.Bucket, key, opts)
	if err != nil {
		return err
	}
	var parts []minio.CompletePart
	for off := int64(0); off < size && err == nil; off += s.cfg.PartSize {
		var part minio.ObjectPart
		part, err = s.putPart(ctx, key, id, len(parts)+1, r, off, min(s.cfg.PartSize, size-off))
		parts = append(parts, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
	}
	if err == nil {
		var whole minio.PutObjectOptions
		whole.SetMatchETagExcept("*")
		_, err = s.c.CompleteMultipartUpload(ctx, s.cfg.Bucket, key, id, parts, whole)
	}
	if err != nil {
		clear, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
		defer cancel()
		// Where this fails too, the bucket's rule for incomplete uploads removes them; the error that counts is the first.
		_ = s.c.AbortMultipartUpload(clear, s.cfg.Bucket, key, id)
	}
	return err
}

// putPart reads its part twice: the request's head names its hashes.
func (s *Store) putPart(ctx context.Context, key, id string, number int, r io.ReadSeeker, off, size int64) (minio.ObjectPart, error) {
	sum, sha := md5.New(), sha256.New()
	for _, w := range []io.Writer{io.MultiWriter(sum, sha), nil} {
		if _, err := r.Seek(off, io.SeekStart); err != nil {
			return minio.ObjectPart{}, err
		}
		if w == nil {
			break
		}
		if _, err := io.CopyN(w, r, size); err != nil {
			return minio.ObjectPart{}, err
		}
	}
	return s.c.PutObjectPart(ctx, s.cfg.Bucket, key, id, number, io.LimitReader(r, size), size, minio.PutObjectPartOptions{
		Md5Base64: base64.StdEncoding.EncodeToString(sum.Sum(nil)), Sha256Hex: hex.EncodeToString(sha.Sum(nil)), DisableContentSha256: true})
}
