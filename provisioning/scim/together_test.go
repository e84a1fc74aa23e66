package scim

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestTogether: several of a client's requests at once see whole states, and each number is given once.
func TestTogether(t *testing.T) {
	r := newRig(t)
	r.tax()
	group := r.must(201, "POST", "/Groups", `{"displayName":"責任者"}`).id()
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			for j := range 2 {
				a := r.do("POST", "/Users", taxed(fmt.Sprintf("u%d-%d", i, j)))
				if a.status != http.StatusCreated {
					t.Errorf("made: %d %s", a.status, a.text)
				}
				r.do("PATCH", "/Groups/"+group, patchOf(`{"op":"add","path":"members","value":[{"value":"`+a.id()+`"}]}`))
				if a := r.do("GET", "/Users?filter=groups.value+eq+%22"+group+"%22", ""); a.status != 200 {
					t.Errorf("searched: %d %s", a.status, a.text)
				}
			}
		})
	}
	all.Wait()
	found, _ := r.must(200, "GET", "/Users?filter=groups.value+eq+%22"+group+"%22", "").body["Resources"].([]any)
	numbers := map[any]bool{}
	for _, f := range found {
		ext, _ := f.(map[string]any)[urnNaisen].(map[string]any)
		numbers[ext["extension"]] = true
	}
	if len(found) != 10 || len(numbers) != 10 || numbers[nil] {
		t.Errorf("%d people with %d numbers: %v", len(found), len(numbers), numbers)
	}
	if g := r.must(200, "GET", "/Groups/"+group, ""); len(g.body["members"].([]any)) != 10 {
		t.Errorf("members: %s", g.text)
	}
}
