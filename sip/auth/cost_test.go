package auth

import "testing"

// BenchmarkCheck shows that a known and an unknown user cost the same (threats B7), and what a challenge costs.
func BenchmarkCheck(b *testing.B) {
	for _, user := range []string{"1001", "9999"} {
		b.Run("wrong password, "+map[string]string{"1001": "known", "9999": "unknown"}[user], func(b *testing.B) {
			n := newBench(nil)
			r := n.request("REGISTER", "sip:example.test", user)
			ch := n.check(r, home).(Challenge).Response
			if err := Authorize(r, ch, ClientCredential{user, "guess", realm}, nil); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				n.now = n.now.Add(longestWait + pairDecay) // never throttled
				n.a.ttl += longestWait + pairDecay
				if got := verdict(n.check(r, home)); got != "wrong" {
					b.Fatal(got)
				}
			}
		})
	}
	b.Run("challenge", func(b *testing.B) {
		n := newBench(nil)
		r := n.request("REGISTER", "sip:example.test", "1001")
		b.ReportAllocs()
		for b.Loop() {
			n.check(r, home)
		}
	})
}
