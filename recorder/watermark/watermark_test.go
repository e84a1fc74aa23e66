package watermark

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/seal"
)

var listening = Listening{Listener: "suzuki@ward.example", Domain: "ward.example", Recording: "r1", Began: time.Date(2026, 4, 1, 9, 30, 15, 0, time.UTC)}

// Marks are read years later: nothing that a key draws may change.
func TestKeyNeverChanges(t *testing.T) {
	k := testKey(t, 'a')
	h := sha256.New()
	for _, row := range k.cells {
		for _, c := range row {
			h.Write([]byte{c.bit, byte(c.sign)})
		}
	}
	id := k.ID(listening)
	code := encode(k.message(id))
	for _, c := range code {
		h.Write([]byte{byte(c)})
	}
	const want = "01dcb29f8303 3c55563fa860b7f7"
	if got := id.String() + " " + hex.EncodeToString(h.Sum(nil))[:16]; got != want {
		t.Errorf("%s, want %s: marks of before cannot be read", got, want)
	}
}

// In each period every bit has as many cells as any other, and signs are as often up as down.
func TestCells(t *testing.T) {
	k := testKey(t, 'a')
	up := 0
	for period := range periods {
		var count [codedBits]int
		sync := 0
		for row := period * periodRows; row < (period+1)*periodRows; row++ {
			for _, c := range k.cells[row] {
				if c.sign > 0 {
					up++
				}
				if c.bit == syncBit {
					sync++
				} else {
					count[c.bit]++
				}
			}
		}
		if sync != syncCells {
			t.Fatalf("period %d: %d cells without a bit", period, sync)
		}
		for bit, n := range count {
			if n < 9 || n > 10 {
				t.Fatalf("period %d: bit %d has %d cells", period, bit, n)
			}
		}
	}
	if all := rows * bands; up < all*49/100 || up > all*51/100 {
		t.Errorf("%d of %d signs are up", up, all)
	}
}

func TestID(t *testing.T) {
	k, other := testKey(t, 'a'), testKey(t, 'b')
	id := k.ID(listening)
	if !id.Began().Equal(listening.Began) {
		t.Errorf("began %v", id.Began())
	}
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", "12", "0123456789abc", "01234567 9ab", "0123456789ag", "-12345678901"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q is an ID", bad)
		}
	}
	for name, l := range map[string]Listening{
		"listener":  {"sato@ward.example", listening.Domain, listening.Recording, listening.Began},
		"domain":    {listening.Listener, "other.example", listening.Recording, listening.Began},
		"recording": {listening.Listener, listening.Domain, "r2", listening.Began},
		"time":      {listening.Listener, listening.Domain, listening.Recording, listening.Began.Add(time.Second)},
		"border":    {listening.Listener + "w", listening.Domain[1:], listening.Recording, listening.Began},
	} {
		if k.ID(l) == id {
			t.Errorf("another %s has the same ID", name)
		}
	}
	if other.ID(listening)>>checkBits != id>>checkBits || other.ID(listening) == id {
		t.Error("the check does not hang on the key")
	}
	if m, ok := k.idOf(k.message(id)); !ok || m != id {
		t.Errorf("%v %v", m, ok)
	}
	if _, ok := other.idOf(k.message(id)); ok {
		t.Error("another key's message is taken")
	}
}

// The key lies sealed on the disk, stays the same, and is made when it is first needed.
func TestHolder(t *testing.T) {
	dir := t.TempDir()
	files, err := seal.OpenFiles(filepath.Join(dir, "vault"), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "watermark.age")
	away := &awayOnce{Keeper: seal.New(files), err: errors.New("the vault does not answer")}
	h := NewHolder(path, away)
	if _, err := h.Key(t.Context()); !errors.Is(err, away.err) {
		t.Errorf("away: %v", err)
	}
	k, err := h.Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewHolder(path, seal.New(files)).Key(t.Context())
	if err != nil || again.ID(listening) != k.ID(listening) {
		t.Fatalf("another key: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", k, k, k), k.LogValue().String()} {
		if !strings.Contains(text, "[redacted]") || len(text) > 60 {
			t.Errorf("%.80s", text)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewHolder(path, seal.New(files)).Key(t.Context()); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("altered: %v", err)
	}
}

// awayOnce is a keeper that does not open the first time.
type awayOnce struct {
	Keeper
	err  error
	done bool
}

func (a *awayOnce) OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error) {
	if !a.done {
		a.done = true
		return nil, a.err
	}
	return a.Keeper.OpenSpool(ctx, sealed, limit)
}

// stuck is a keeper that answers when it is let.
type stuck struct {
	Keeper
	asked, answer chan struct{}
}

func (k stuck) OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error) {
	k.asked <- struct{}{}
	<-k.answer
	return k.Keeper.OpenSpool(ctx, sealed, limit)
}

// Whoever wants the key while its keeper is asked waits no longer than they can.
func TestHolderWaitsNoLongerThanItsCaller(t *testing.T) {
	files, err := seal.OpenFiles(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	keeper := stuck{seal.New(files), make(chan struct{}, 9), make(chan struct{})}
	h := NewHolder(filepath.Join(t.TempDir(), "marks.age"), keeper)
	first := make(chan error, 1)
	go func() {
		_, err := h.Key(context.Background())
		first <- err
	}()
	<-keeper.asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Key(gone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(keeper.answer)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := h.Key(t.Context()); err != nil || len(keeper.asked) != 0 {
		t.Errorf("asked %d times more: %v", len(keeper.asked), err)
	}
}
