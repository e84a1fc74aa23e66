package approval_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"naisen/provisioning/approval"
)

func open(t *testing.T, dir string) *approval.Keeper {
	t.Helper()
	k, err := approval.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestVouching: the key is made once, for its owner's eyes alone, and what it vouched for stays so over a restart; nothing else is.
func TestVouching(t *testing.T) {
	dir := t.TempDir()
	text := []byte("a.example\x00policy\x00p\x001")
	mac := open(t, dir).Sign(text)
	again := open(t, dir)
	if !again.Verify(text, mac) || len(mac) != 32 {
		t.Errorf("after a restart: %x", mac)
	}
	info, err := os.Stat(filepath.Join(dir, "approval.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	for name, c := range map[string][2][]byte{"another text": {[]byte("a.example\x00policy\x00p\x002"), mac}, "a longer text": {append(bytes.Clone(text), 0), mac}, "cut": {text, mac[:31]},
		"longer": {text, append(bytes.Clone(mac), 0)}, "nothing": {text, nil}, "one bit": {text, append([]byte{mac[0] ^ 1}, mac[1:]...)}} {
		if again.Verify(c[0], c[1]) {
			t.Errorf("%s is vouched for", name)
		}
	}
	if open(t, t.TempDir()).Verify(text, mac) {
		t.Error("by the key of another machine")
	}
}

// TestKeyFileRefused: a key that is none, or that others can read, vouches for nothing, and is not replaced by another one.
func TestKeyFileRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	path := filepath.Join(dir, "approval.key")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		mode    os.FileMode
	}{"empty": {nil, 0o600}, "cut": {good[:len(good)-1], 0o600}, "longer": {append(bytes.Clone(good), '\n'), 0o600}, "of another kind": {append([]byte("x"), good[1:]...), 0o600},
		"of the group": {good, 0o640}, "of everybody": {good, 0o604}} {
		if err := errors.Join(os.WriteFile(path, c.content, 0o600), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		if _, err := approval.Open(dir); !errors.Is(err, approval.ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, c.content) {
			t.Errorf("%s: the file is another one now, %v", name, err)
		}
	}
}

// TestMarks go up only, over a restart and beside another process; an operator alone takes them down.
func TestMarks(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	if k.Begun() || len(k.Marks()) != 0 {
		t.Errorf("%v %v", k.Begun(), k.Marks())
	}
	want := func(what string, k *approval.Keeper, marks map[string]int64) {
		t.Helper()
		if !k.Begun() || !maps.Equal(k.Marks(), marks) {
			t.Errorf("%s: begun %v, %v", what, k.Begun(), k.Marks())
		}
	}
	did := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	did(k.Mark(nil))
	want("begun with nothing", k, map[string]int64{})
	want("and after a restart", open(t, dir), map[string]int64{})
	did(k.Mark(map[string]int64{"a": 3}))
	before := k.Marks()
	beside := open(t, dir)
	did(k.Mark(map[string]int64{"a": 5}))
	did(beside.Mark(map[string]int64{"a": 4, "b": 2})) // it has not seen the 5
	want("beside another process", beside, map[string]int64{"a": 5, "b": 2})
	if before["a"] != 3 {
		t.Error("what was handed out has changed")
	}
	did(k.Mark(map[string]int64{"b": 1}))
	want("lower", k, map[string]int64{"a": 5, "b": 2})
	did(k.Accept(map[string]int64{"a": 1}))
	want("accepted", open(t, dir), map[string]int64{"a": 1})
}

// TestMarksAtOnce: of many at once none is lost.
func TestMarksAtOnce(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := k.Mark(map[string]int64{"shared": int64(i), fmt.Sprint(i): 1}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if m := open(t, dir).Marks(); len(m) != 9 || m["shared"] != 7 {
		t.Errorf("%v", m)
	}
}

// TestMarksOfTwo processes that count at once: none of what either has marked is lost, or a list that was put back would pass for a new one.
func TestMarksOfTwo(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for who := range 4 { // each with a Keeper of its own, which knows nothing of the others
		k := open(t, dir)
		all.Go(func() {
			for i := range 8 {
				if err := k.Mark(map[string]int64{fmt.Sprint(who, " ", i): 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if m := open(t, dir).Marks(); len(m) != 32 {
		t.Errorf("%d of 32 marks are left", len(m))
	}
}

// TestMarksUnreadable: with marks that are none nothing is begun anew, and nothing is written over them.
func TestMarksUnreadable(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	path := filepath.Join(dir, "approval.marks")
	for name, content := range map[string]string{"cut": `{"a":`, "a list": `[]`, "null": `null`, "a text": `{"a":"5"}`, "empty": ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := approval.Open(dir); err == nil {
			t.Errorf("%s: opened", name)
		}
		if k.Mark(map[string]int64{"a": 9}) == nil || k.Accept(map[string]int64{"a": 9}) == nil {
			t.Errorf("%s: marked", name)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != content {
			t.Errorf("%s: %q %v", name, now, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := approval.Open(dir); err == nil {
		t.Error("marks that others can read")
	}
}
