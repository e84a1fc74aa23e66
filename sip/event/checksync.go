package event

import "naisen/sip/stack"

// CheckSync asks a telephone to fetch its configuration. There is no RFC for that: every maker has an event that it takes outside of a subscription, such as
// check-sync. told, if not nil, hears whether the telephone took it. Any goroutine may call it.
func CheckSync(st Transport, owner AOR, p Phone, pkg string, told func(took bool)) {
	st.Send(notification(st, owner, p, pkg), p.Target, func(_ *stack.ClientTx, r stack.Result) {
		if told != nil && (r.Err != nil || r.Response.Status >= 200) {
			told(r.Err == nil && r.Response.Status < 300)
		}
	})
}
