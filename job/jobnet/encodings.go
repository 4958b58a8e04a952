package jobnet

import "strings"

const utf8Name = "utf-8"

// encodingTable lists the encodings that jobs may print in: the name that a
// flow holds first, then its other names. The first is the IANA name in lower
// case, but for cp932, Microsoft's Shift JIS (windows-31j).
func encodingTable() [][]string {
	return [][]string{
		{utf8Name, "utf8", "us-ascii", "ascii"},
		{"cp932", "windows-31j", "ms932", "shift_jis", "shift-jis", "sjis", "ms_kanji"},
		{"euc-jp", "eucjp", "ujis"},
		{"iso-2022-jp", "jis"},
		{"utf-16", "utf16"},
		{"utf-16le", "utf16le"},
		{"utf-16be", "utf16be"},
		{"windows-1252", "cp1252"},
		{"iso-8859-1", "latin1", "latin-1"},
		{"iso-8859-15", "latin9", "latin-9"},
		{"iso-8859-2", "latin2", "latin-2"},
		{"iso-8859-5"},
		{"iso-8859-7"},
		{"windows-1250", "cp1250"},
		{"windows-1251", "cp1251"},
		{"windows-1253", "cp1253"},
		{"windows-1254", "cp1254"},
		{"windows-1255", "cp1255"},
		{"windows-1256", "cp1256"},
		{"windows-1257", "cp1257"},
		{"windows-1258", "cp1258"},
		{"windows-874", "cp874"},
		{"ibm437", "cp437"},
		{"ibm850", "cp850"},
		{"ibm852", "cp852"},
		{"ibm866", "cp866"},
		{"koi8-r"},
		{"koi8-u"},
		{"gb18030"},
		{"gbk", "cp936", "gb2312"},
		{"big5", "cp950"},
		{"euc-kr", "euckr", "cp949"},
	}
}

// Encodings gives the encodings that jobs may print in, by the names that a
// flow and a Spec hold: IANA names in lower case as golang.org/x/text's
// ianaindex knows them, and cp932, which is what it calls shift_jis. UTF-8 is
// among them; a flow leaves it out.
func Encodings() []string {
	table := encodingTable()
	out := make([]string, len(table))
	for i, names := range table {
		out[i] = names[0]
	}
	return out
}

// ParseEncoding gives the one name of an encoding that was written in any of
// its names, in letters of either case.
func ParseEncoding(name string) (canonical string, ok bool) {
	name = strings.ToLower(name)
	for _, names := range encodingTable() {
		for _, n := range names {
			if n == name {
				return names[0], true
			}
		}
	}
	return "", false
}

// encodingNames gives all names of all encodings.
func encodingNames() []string {
	var out []string
	for _, names := range encodingTable() {
		out = append(out, names...)
	}
	return out
}
