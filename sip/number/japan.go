package number

// Japan is the plan of the Telecommunications Numbering Regulations: 0AB-J with 10 digits, 0A0 with 11, 0AB0 services, 00XY carriers, 1XY.
var Japan = Plan{
	Country: "81", Trunk: "0", International: []string{"010"},
	Emergency: []string{"110", "118", "119"},
	// 104, 113 to 117, 171, 177, 188, 189; #7119, #8000, #9110 and the short ones of carriers.
	Special: []string{"1XX", "#XXXX", "#XXXXX"},
	// Free phone, shared cost, premium: not reachable by +81 from everywhere, and carriers want them as dialled.
	NationalOnly: []string{"0120", "0800", "0570", "0990", "0170", "0180", "0910", "00"},
	Carriers:     []string{"0091XX", "002XX", "001", "00XX"},
	Outside:      []string{"0"},
	Withhold:     "184", Show: "186",
	Ranges: []Range{
		{"0", 10, National},
		{"020", 11, Machine}, {"0200", 14, Machine}, {"0204", 11, Pager},
		{"050", 11, IP},
		{"060", 11, Mobile}, {"070", 11, Mobile}, {"080", 11, Mobile}, {"090", 11, Mobile},
		{"0600", 11, Personal},
		{"030", 0, Invalid}, {"040", 0, Invalid}, // kept free
		{"0120", 10, TollFree}, {"0800", 11, TollFree},
		{"0570", 10, SharedCost}, {"0180", 10, SharedCost}, {"0170", 10, Service}, {"0910", 10, Service},
		{"0990", 10, Premium},
	},
}
