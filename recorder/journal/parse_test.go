package journal

import "testing"

// FuzzSlot reads a slot's plain content as it comes: it is authenticated, but a faulty writer must not take the reader down.
func FuzzSlot(f *testing.F) {
	f.Add([]byte{5, 0, 21, 0, 0, 1, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9})
	f.Add([]byte{1, 0, 2, '{', '}', 0, 0, 0})
	f.Add([]byte{4, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var rec Record
		for len(b) > 0 {
			kind, body, rest, ok := cut(b)
			if !ok {
				return
			}
			if len(rest)+len(body)+recordHead != len(b) {
				t.Fatalf("a record of %d bytes took %d", len(body), len(b)-len(rest))
			}
			_, _ = parse(kind, body, &rec)
			b = rest
		}
	})
}
