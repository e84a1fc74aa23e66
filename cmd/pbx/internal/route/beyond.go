package route

// Beyond is the plan that takes a call to a place in a trunk's own network, where a REFER of that network wants it (Teams: Refer-To with x-m
// and x-t, perhaps without a user). It costs nobody of ours anything.
func Beyond(trunk, uri, by string) Plan {
	return Plan{Direction: Outbound, To: trunk, Why: "REFER of trunk " + trunk, Record: Record{Notice: NoticeNone},
		Steps: []Step{{Ring: defaultRing, Targets: []Target{{Kind: ToTrunk, Trunk: trunk, URI: uri, By: by}}}}}
}
