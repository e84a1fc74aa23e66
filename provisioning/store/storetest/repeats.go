package storetest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"naisen/provisioning"
)

// testRepeats: of requests under one key one begins, its answer is the others', and each sender has keys of their own.
func testRepeats(t *testing.T, open Open) {
	s := fresh(t, open)
	begin := func(who, key, request string) *provisioning.Repeat {
		t.Helper()
		before, err := s.BeginRepeat(t.Context(), who, key, request)
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	var wg sync.WaitGroup
	begun := make(chan bool, 8)
	for range cap(begun) {
		wg.Go(func() {
			before, err := s.BeginRepeat(t.Context(), "taro", "k", "r")
			if err != nil {
				t.Error(err)
			}
			begun <- err == nil && before == nil
		})
	}
	wg.Wait()
	first := 0
	for range cap(begun) {
		if <-begun {
			first++
		}
	}
	if first != 1 {
		t.Fatalf("%d of eight began", first)
	}
	if b := begin("taro", "k", "other"); b == nil || b.Request != "r" || b.Answer != nil {
		t.Errorf("under way: %+v", b)
	}
	answer := []byte("a secret")
	if err := s.EndRepeat(t.Context(), "taro", "k", answer); err != nil {
		t.Fatal(err)
	}
	if b := begin("taro", "k", "r"); b == nil || !bytes.Equal(b.Answer, answer) {
		t.Errorf("answered: %+v", b)
	}
	if b := begin("hana", "k", "r"); b != nil {
		t.Errorf("somebody else's key: %+v", b)
	}
	if err := s.ForgetRepeat(t.Context(), "taro", "k"); err != nil {
		t.Fatal(err)
	}
	if b := begin("taro", "k", "other"); b != nil {
		t.Errorf("forgotten: %+v", b)
	}
	for _, bad := range [][2]string{{"", "k"}, {"taro", ""}, {"taro", "a\x00b"}} {
		if _, err := s.BeginRepeat(t.Context(), bad[0], bad[1], "r"); err == nil {
			t.Errorf("%q is remembered", fmt.Sprint(bad))
		}
	}
	for _, answer := range [][]byte{nil, make([]byte, 2<<20)} {
		if err := s.EndRepeat(t.Context(), "taro", "k", answer); err == nil {
			t.Errorf("an answer of %d octets is kept", len(answer))
		}
	}
}
