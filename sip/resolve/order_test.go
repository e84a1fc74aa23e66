package resolve

import "testing"

// RFC 2782: by priority, and within one by weight; weight 0 has a small chance beside others and all of it alone.
func TestOrderSRV(t *testing.T) {
	in := []srv{{20, 0, 1, "last"}, {10, 75, 1, "heavy"}, {10, 25, 1, "light"}, {10, 0, 1, "zero"}}
	first := map[string]int{}
	for range 4000 {
		out := orderSRV(in)
		if len(out) != 4 || out[3].target != "last" {
			t.Fatalf("%+v", out)
		}
		first[out[0].target]++
	}
	// 3/4 and 1/4 of 4000, ten standard deviations to either side.
	if n := first["heavy"]; n < 2700 || n > 3300 {
		t.Errorf("the heavy one came first %d times of 4000", n)
	}
	if n := first["light"]; n < 700 || n > 1300 {
		t.Errorf("the light one came first %d times of 4000", n)
	}
	if orderSRV(nil) == nil || in[0].target != "last" {
		t.Error("the input was changed")
	}
}
