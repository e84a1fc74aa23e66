package unseal

import (
	"bytes"
	"testing"
	"time"

	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
)

func BenchmarkProve(b *testing.B) {
	store := mem.New(time.Now)
	blob := make([]byte, 64<<20)
	if err := store.Put(b.Context(), "x.age", bytes.NewReader(blob), int64(len(blob)), objstore.Lock{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(blob)))
	for b.Loop() {
		if _, _, err := digest(b.Context(), store, "x.age", int64(len(blob))); err != nil {
			b.Fatal(err)
		}
	}
}
