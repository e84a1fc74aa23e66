package number

import "strings"

// zone is a calling code, or a part of one that is another country or another kind of number.
type zone struct {
	prefix  string // digits after the +, longest match wins
	code    string // calling code
	country string
	class   Class // empty: International
	risk    bool
}

// zoneOf finds the zone of an E.164 number without its +.
func zoneOf(digits string) (zone, bool) {
	best := -1
	for i := range zones {
		if strings.HasPrefix(digits, zones[i].prefix) && (best < 0 || len(zones[i].prefix) > len(zones[best].prefix)) {
			best = i
		}
	}
	if best < 0 {
		return zone{}, false
	}
	return zones[best], true
}

// zones is ITU-T E.164's list of assigned country codes, the countries of the North American plan, and the ranges in which a number is no
// place. The high-risk mark follows what carriers publish of revenue-share fraud (ranges of small countries, islands, satellites).
var zones = []zone{
	{"1", "1", "NANP", "", false}, {"1204", "1", "CA", "", false}, {"1226", "1", "CA", "", false},
	{"1236", "1", "CA", "", false}, {"1242", "1", "BS", "", false}, {"1246", "1", "BB", "", true},
	{"1249", "1", "CA", "", false}, {"1250", "1", "CA", "", false}, {"1263", "1", "CA", "", false},
	{"1264", "1", "AI", "", true}, {"1268", "1", "AG", "", true}, {"1284", "1", "VG", "", true}, {"1289", "1", "CA", "", false},
	{"1306", "1", "CA", "", false}, {"1340", "1", "VI", "", false}, {"1343", "1", "CA", "", false},
	{"1345", "1", "KY", "", true}, {"1354", "1", "CA", "", false}, {"1365", "1", "CA", "", false},
	{"1367", "1", "CA", "", false}, {"1368", "1", "CA", "", false}, {"1382", "1", "CA", "", false},
	{"1403", "1", "CA", "", false}, {"1416", "1", "CA", "", false}, {"1418", "1", "CA", "", false},
	{"1428", "1", "CA", "", false}, {"1431", "1", "CA", "", false}, {"1437", "1", "CA", "", false},
	{"1438", "1", "CA", "", false}, {"1441", "1", "BM", "", false}, {"1450", "1", "CA", "", false},
	{"1468", "1", "CA", "", false}, {"1473", "1", "GD", "", true}, {"1474", "1", "CA", "", false},
	{"1506", "1", "CA", "", false}, {"1514", "1", "CA", "", false}, {"1519", "1", "CA", "", false},
	{"1548", "1", "CA", "", false}, {"1579", "1", "CA", "", false}, {"1581", "1", "CA", "", false},
	{"1584", "1", "CA", "", false}, {"1587", "1", "CA", "", false}, {"1604", "1", "CA", "", false},
	{"1613", "1", "CA", "", false}, {"1639", "1", "CA", "", false}, {"1647", "1", "CA", "", false},
	{"1649", "1", "TC", "", true}, {"1658", "1", "JM", "", true}, {"1664", "1", "MS", "", true}, {"1670", "1", "MP", "", false},
	{"1671", "1", "GU", "", false}, {"1672", "1", "CA", "", false}, {"1683", "1", "CA", "", false},
	{"1684", "1", "AS", "", false}, {"1705", "1", "CA", "", false}, {"1709", "1", "CA", "", false},
	{"1721", "1", "SX", "", true}, {"1742", "1", "CA", "", false}, {"1753", "1", "CA", "", false},
	{"1758", "1", "LC", "", true}, {"1767", "1", "DM", "", true}, {"1778", "1", "CA", "", false},
	{"1780", "1", "CA", "", false}, {"1782", "1", "CA", "", false}, {"1784", "1", "VC", "", true},
	{"1787", "1", "PR", "", false}, {"1800", "1", "NANP", TollFree, false}, {"1807", "1", "CA", "", false},
	{"1809", "1", "DO", "", true}, {"1819", "1", "CA", "", false}, {"1825", "1", "CA", "", false},
	{"1829", "1", "DO", "", true}, {"1833", "1", "NANP", TollFree, false}, {"1844", "1", "NANP", TollFree, false},
	{"1849", "1", "DO", "", true}, {"1855", "1", "NANP", TollFree, false}, {"1866", "1", "NANP", TollFree, false},
	{"1867", "1", "CA", "", false}, {"1868", "1", "TT", "", true}, {"1869", "1", "KN", "", true},
	{"1873", "1", "CA", "", false}, {"1876", "1", "JM", "", true}, {"1877", "1", "NANP", TollFree, false},
	{"1879", "1", "CA", "", false}, {"1888", "1", "NANP", TollFree, false}, {"1900", "1", "NANP", Premium, true},
	{"1902", "1", "CA", "", false}, {"1905", "1", "CA", "", false}, {"1939", "1", "PR", "", false},
	{"20", "20", "EG", "", false}, {"211", "211", "SS", "", true}, {"212", "212", "MA", "", false},
	{"213", "213", "DZ", "", true}, {"216", "216", "TN", "", true}, {"218", "218", "LY", "", true},
	{"220", "220", "GM", "", true}, {"221", "221", "SN", "", true}, {"222", "222", "MR", "", true},
	{"223", "223", "ML", "", true}, {"224", "224", "GN", "", true}, {"225", "225", "CI", "", true},
	{"226", "226", "BF", "", true}, {"227", "227", "NE", "", true}, {"228", "228", "TG", "", true},
	{"229", "229", "BJ", "", true}, {"230", "230", "MU", "", false}, {"231", "231", "LR", "", true},
	{"232", "232", "SL", "", true}, {"233", "233", "GH", "", false}, {"234", "234", "NG", "", false},
	{"235", "235", "TD", "", true}, {"236", "236", "CF", "", true}, {"237", "237", "CM", "", true},
	{"238", "238", "CV", "", false}, {"239", "239", "ST", "", true}, {"240", "240", "GQ", "", true},
	{"241", "241", "GA", "", true}, {"242", "242", "CG", "", true}, {"243", "243", "CD", "", true},
	{"244", "244", "AO", "", false}, {"245", "245", "GW", "", true}, {"246", "246", "IO", "", true},
	{"247", "247", "AC", "", true}, {"248", "248", "SC", "", true}, {"249", "249", "SD", "", true},
	{"250", "250", "RW", "", true}, {"251", "251", "ET", "", false}, {"252", "252", "SO", "", true},
	{"253", "253", "DJ", "", true}, {"254", "254", "KE", "", false}, {"255", "255", "TZ", "", false},
	{"256", "256", "UG", "", false}, {"257", "257", "BI", "", true}, {"258", "258", "MZ", "", false},
	{"260", "260", "ZM", "", false}, {"261", "261", "MG", "", true}, {"262", "262", "RE", "", false},
	{"263", "263", "ZW", "", true}, {"264", "264", "NA", "", false}, {"265", "265", "MW", "", true},
	{"266", "266", "LS", "", true}, {"267", "267", "BW", "", false}, {"268", "268", "SZ", "", false},
	{"269", "269", "KM", "", true}, {"27", "27", "ZA", "", false}, {"290", "290", "SH", "", true},
	{"291", "291", "ER", "", true}, {"297", "297", "AW", "", false}, {"298", "298", "FO", "", false},
	{"299", "299", "GL", "", false}, {"30", "30", "GR", "", false}, {"31", "31", "NL", "", false},
	{"32", "32", "BE", "", false}, {"33", "33", "FR", "", false}, {"34", "34", "ES", "", false},
	{"350", "350", "GI", "", false}, {"351", "351", "PT", "", false}, {"352", "352", "LU", "", false},
	{"353", "353", "IE", "", false}, {"354", "354", "IS", "", false}, {"355", "355", "AL", "", true},
	{"356", "356", "MT", "", false}, {"357", "357", "CY", "", false}, {"358", "358", "FI", "", false},
	{"359", "359", "BG", "", true}, {"36", "36", "HU", "", false}, {"370", "370", "LT", "", true},
	{"371", "371", "LV", "", true}, {"372", "372", "EE", "", true}, {"373", "373", "MD", "", true},
	{"374", "374", "AM", "", true}, {"375", "375", "BY", "", true}, {"376", "376", "AD", "", false},
	{"377", "377", "MC", "", false}, {"378", "378", "SM", "", true}, {"379", "379", "VA", "", false},
	{"380", "380", "UA", "", false}, {"381", "381", "RS", "", true}, {"382", "382", "ME", "", true},
	{"383", "383", "XK", "", true}, {"385", "385", "HR", "", false}, {"386", "386", "SI", "", false},
	{"387", "387", "BA", "", true}, {"389", "389", "MK", "", true}, {"39", "39", "IT", "", false},
	{"40", "40", "RO", "", false}, {"41", "41", "CH", "", false}, {"420", "420", "CZ", "", false},
	{"421", "421", "SK", "", false}, {"423", "423", "LI", "", false}, {"43", "43", "AT", "", false},
	{"44", "44", "GB", "", false}, {"4470", "44", "GB", Personal, true}, {"4476", "44", "GB", Pager, true},
	{"449", "44", "GB", Premium, true}, {"45", "45", "DK", "", false}, {"46", "46", "SE", "", false},
	{"47", "47", "NO", "", false}, {"48", "48", "PL", "", false}, {"49", "49", "DE", "", false}, {"500", "500", "FK", "", true},
	{"501", "501", "BZ", "", false}, {"502", "502", "GT", "", false}, {"503", "503", "SV", "", false},
	{"504", "504", "HN", "", false}, {"505", "505", "NI", "", false}, {"506", "506", "CR", "", false},
	{"507", "507", "PA", "", false}, {"508", "508", "PM", "", false}, {"509", "509", "HT", "", true},
	{"51", "51", "PE", "", false}, {"52", "52", "MX", "", false}, {"53", "53", "CU", "", true}, {"54", "54", "AR", "", false},
	{"55", "55", "BR", "", false}, {"56", "56", "CL", "", false}, {"57", "57", "CO", "", false}, {"58", "58", "VE", "", false},
	{"590", "590", "GP", "", false}, {"591", "591", "BO", "", false}, {"592", "592", "GY", "", true},
	{"593", "593", "EC", "", false}, {"594", "594", "GF", "", false}, {"595", "595", "PY", "", false},
	{"596", "596", "MQ", "", false}, {"597", "597", "SR", "", false}, {"598", "598", "UY", "", false},
	{"599", "599", "CW", "", false}, {"60", "60", "MY", "", false}, {"61", "61", "AU", "", false},
	{"62", "62", "ID", "", false}, {"63", "63", "PH", "", false}, {"64", "64", "NZ", "", false}, {"65", "65", "SG", "", false},
	{"66", "66", "TH", "", false}, {"670", "670", "TL", "", true}, {"672", "672", "NF", "", true},
	{"673", "673", "BN", "", false}, {"674", "674", "NR", "", true}, {"675", "675", "PG", "", true},
	{"676", "676", "TO", "", true}, {"677", "677", "SB", "", true}, {"678", "678", "VU", "", true},
	{"679", "679", "FJ", "", true}, {"680", "680", "PW", "", false}, {"681", "681", "WF", "", true},
	{"682", "682", "CK", "", true}, {"683", "683", "NU", "", true}, {"685", "685", "WS", "", true},
	{"686", "686", "KI", "", true}, {"687", "687", "NC", "", false}, {"688", "688", "TV", "", true},
	{"689", "689", "PF", "", false}, {"690", "690", "TK", "", true}, {"691", "691", "FM", "", false},
	{"692", "692", "MH", "", false}, {"7", "7", "RU", "", false}, {"76", "7", "KZ", "", false}, {"77", "7", "KZ", "", false},
	{"800", "800", "UIFN", TollFree, false}, {"808", "808", "ISCS", SharedCost, false}, {"82", "82", "KR", "", false},
	{"84", "84", "VN", "", false}, {"850", "850", "KP", "", true}, {"852", "852", "HK", "", false},
	{"853", "853", "MO", "", false}, {"855", "855", "KH", "", false}, {"856", "856", "LA", "", false},
	{"86", "86", "CN", "", false}, {"870", "870", "Inmarsat", Satellite, true}, {"878", "878", "UPT", Network, true},
	{"880", "880", "BD", "", false}, {"881", "881", "GMSS", Satellite, true}, {"8816", "881", "Iridium", Satellite, true},
	{"8817", "881", "Iridium", Satellite, true}, {"8818", "881", "Globalstar", Satellite, true},
	{"8819", "881", "Globalstar", Satellite, true}, {"882", "882", "networks", Network, true},
	{"883", "883", "networks", Network, true}, {"886", "886", "TW", "", false}, {"888", "888", "OCHA", Network, true},
	{"90", "90", "TR", "", false}, {"91", "91", "IN", "", false}, {"92", "92", "PK", "", false}, {"93", "93", "AF", "", true},
	{"94", "94", "LK", "", false}, {"95", "95", "MM", "", false}, {"960", "960", "MV", "", true},
	{"961", "961", "LB", "", false}, {"962", "962", "JO", "", false}, {"963", "963", "SY", "", true},
	{"964", "964", "IQ", "", true}, {"965", "965", "KW", "", false}, {"966", "966", "SA", "", false},
	{"967", "967", "YE", "", true}, {"968", "968", "OM", "", false}, {"970", "970", "PS", "", true},
	{"971", "971", "AE", "", false}, {"972", "972", "IL", "", false}, {"973", "973", "BH", "", false},
	{"974", "974", "QA", "", false}, {"975", "975", "BT", "", false}, {"976", "976", "MN", "", false},
	{"977", "977", "NP", "", false}, {"979", "979", "IPRS", Premium, true}, {"98", "98", "IR", "", true},
	{"992", "992", "TJ", "", true}, {"993", "993", "TM", "", true}, {"994", "994", "AZ", "", true},
	{"995", "995", "GE", "", true}, {"996", "996", "KG", "", true}, {"998", "998", "UZ", "", true},
}
