package jobyaml

import (
	"fmt"
	"strings"
)

// Reference gives the reference of all keys in Markdown, in Japanese for "ja"
// and else in English.
func Reference(lang string) string {
	w := wordsOf(lang)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", w.title, w.intro)
	for _, s := range w.sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", s.title, s.about)
		fmt.Fprintf(&b, "| %s | %s | %s |\n| --- | --- | --- |\n", w.key, w.value, w.meaning)
		var later []string
		for _, k := range keys() {
			switch {
			case !k.stands(s.in):
			case k.later:
				later = append(later, "`"+k.name+"`")
			default:
				fmt.Fprintf(&b, "| `%s` | %s, `%s` | %s |\n", k.name, w.pick(k.typ.kind().en, k.typ.kind().ja), cell(k.example), cell(w.pick(k.en, k.ja)))
			}
		}
		if len(later) > 0 {
			fmt.Fprintf(&b, "\n%s%s\n", w.later, strings.Join(later, ", "))
		}
	}
	fmt.Fprintf(&b, "\n%s", w.rest)
	return b.String()
}

func (k *key) stands(in where) bool {
	for _, w := range k.in {
		if w == in {
			return true
		}
	}
	return false
}

// cell makes a text fit into a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// section is one mapping of the reference.
type section struct {
	in           where
	title, about string
}

// words are what a reference says besides the keys.
type words struct {
	japanese                          bool
	title, intro, key, value, meaning string
	later, rest                       string
	sections                          []section
}

func (w *words) pick(en, ja string) string {
	if w.japanese {
		return ja
	}
	return en
}

func wordsOf(lang string) words {
	if lang == "ja" {
		return japaneseWords()
	}
	return words{
		title: "Reference of definitions",
		intro: "Definitions are YAML: one or more documents per file, with a line `---` between them. This page is made from the table of keys that the parser uses. Scalars keep their literal text: `010` stays `010`.",
		key:   "key", value: "value", meaning: "meaning",
		later: "Known to a later version, refused by this one: ",
		sections: []section{
			{inJobnet, "Jobnet", "A document with the key `jobnet`."},
			{inParam, "Parameter", "One entry of `params`. Names are `[A-Za-z_][A-Za-z0-9_]*`, not `PATH`, `IFS`, `ENV`, `BASH_ENV`, `LD_*` or `BANTO_*`."},
			{inDefaults, "Defaults of a jobnet", "Under `defaults` of a jobnet."},
			{inPart, "Part", "One entry of `parts`. A part has exactly one of `job`, `run`, `jobnet`, `branch`, `wait` and `end`."},
			{inRetry, "Retry", "Under `retry`."},
			{inExit, "Exit", "Under `exit`."},
			{inWait, "Wait", "Under `wait` of a part; exactly one of its keys."},
			{inLimits, "Limits", "Under `limits`. A host keeps them for all processes of an attempt together where it can (a control group, a job object), else for each by itself."},
			{inLost, "On-lost", "Under `on-lost`, in place of the word alone."},
			{inFolder, "Folder", "A document with the key `folder`."},
			{inKeep, "Keep", "Under `keep` of a folder."},
			{inHanded, "Defaults of a folder", "Under `defaults` of a folder. A `${…}` here may name only `date`, `tracker` and `attempt`."},
			{inGroup, "Host group", "A document with the key `group`."},
			{inAccount, "Account", "A document with the key `account`."},
			{inUser, "User of an account", "One entry of `users`."},
			{inHosts, "Hosts by labels", "Under `hosts` of a group or of an entry of `users`, in place of names."},
			{inDocument, "Other documents", "Documents of other kinds."},
		},
		rest: `## Durations

Whole numbers with units, the greater unit first: ` + "`30m`, `1h30m`, `10s`, `2d`" + `.

## Expressions

` + "`when` is an expression; `${…}` in `run`, `env`, `dir` and `host` is replaced by the value of one; `$${` stands for the letters `${`." + `

- Names: ` + "`params.x`; `part.outcome` (ok, warning, error), `part.exit`, `part.output` (its head) and what the part `sets`; `date` (the base day), `tracker`, `attempt`" + `. A part can be named only by parts that are behind it.
- Operators: ` + "`== != < > <= >=`, `&& || !` or `and or not`, `+ - * / % **`, `in`, `contains`, `matches`, `a ? b : c`, `list[0]`" + `.
- Functions: ` + functionList("en") + `
- Types are checked when the definition is: ` + "`\"10\" == 10`" + ` is an error. ` + "`env` and `defaults`" + ` of a jobnet may name parameters, but no parts.
`,
	}
}

func japaneseWords() words {
	return words{
		japanese: true,
		title:    "定義のリファレンス",
		intro:    "定義は YAML で書く。一つのファイルに複数の文書を書け、文書の間に `---` の行を置く。このページはパーサが使うキーの表から作られる。値は書いたままの文字で扱う（`010` は `010` のまま）。",
		key:      "キー", value: "値", meaning: "意味",
		later: "後の版で使えるようになり、この版では受け付けないもの: ",
		sections: []section{
			{inJobnet, "ジョブネット", "キー `jobnet` のある文書。"},
			{inParam, "パラメータ", "`params` の各項目。名前は `[A-Za-z_][A-Za-z0-9_]*` で、`PATH`、`IFS`、`ENV`、`BASH_ENV`、`LD_*`、`BANTO_*` は使えない。"},
			{inDefaults, "ジョブネットの既定値", "ジョブネットの `defaults` の下。"},
			{inPart, "部品", "`parts` の各項目。部品は `job`、`run`、`jobnet`、`branch`、`wait`、`end` のどれか一つを持つ。"},
			{inRetry, "再試行", "`retry` の下。"},
			{inExit, "終了コード", "`exit` の下。"},
			{inWait, "待ち合わせ", "部品の `wait` の下。どれか一つだけを書く。"},
			{inLimits, "制限", "`limits` の下。ホストは、できるところ（コントロールグループ、ジョブオブジェクト）では試行のすべてのプロセスを合わせて、ほかでは一つずつ制限する。"},
			{inLost, "応答なし", "`on-lost` の下。語だけの代わりに書く。"},
			{inFolder, "フォルダ", "キー `folder` のある文書。"},
			{inKeep, "保存期間", "フォルダの `keep` の下。"},
			{inHanded, "フォルダの既定値", "フォルダの `defaults` の下。ここの `${…}` に書ける名前は `date`、`tracker`、`attempt` だけ。"},
			{inGroup, "ホストグループ", "キー `group` のある文書。"},
			{inAccount, "アカウント", "キー `account` のある文書。"},
			{inUser, "アカウントのユーザ", "`users` の各項目。"},
			{inHosts, "ラベルによるホスト", "グループや `users` の項目の `hosts` の下。名前の代わりに書く。"},
			{inDocument, "そのほかの文書", "ほかの種類の文書。"},
		},
		rest: `## 時間

単位を付けた整数を、大きい単位から並べる: ` + "`30m`、`1h30m`、`10s`、`2d`" + `。

## 式

` + "`when` は式。`run`、`env`、`dir`、`host` の中の `${…}` は式の値に置き換わる。`$${` は文字の `${` になる。" + `

- 名前: ` + "`params.x`、`部品.outcome`（ok、warning、error）、`部品.exit`、`部品.output`（出力の先頭）、部品が `sets` で宣言した変数、`date`（基準日）、`tracker`、`attempt`" + `。部品の値は、その部品より後の部品だけが使える。
- 演算子: ` + "`== != < > <= >=`、`&& || !` または `and or not`、`+ - * / % **`、`in`、`contains`、`matches`、`a ? b : c`、`list[0]`" + `。
- 関数: ` + functionList("ja") + `
- 型は定義の検査のときに確かめる。` + "`\"10\" == 10`" + ` は誤りになる。ジョブネットの ` + "`env` と `defaults`" + ` には、パラメータの名前は書けるが、部品の値は書けない。
`,
	}
}

func functionList(lang string) string {
	rows := [][3]string{
		{"format(date, 'yyyymmdd')", "a date by yyyy, yy, mm, dd", "yyyy、yy、mm、dd による日付"},
		{"add_days(date, -1)", "days on, or back", "前後の日"},
		{"weekday(date)", "mon to sun", "mon から sun"},
		{"len(x)", "characters of a text, or items of a list", "文字数、または項目数"},
		{"lower(x)", "in lower case", "小文字にする"},
		{"upper(x)", "in upper case", "大文字にする"},
		{"trim(x)", "without blanks around", "前後の空白を除く"},
		{"split(x, ',')", "a list", "リストにする"},
		{"int(x)", "an integer out of a text or number", "文字列や数を整数にする"},
		{"string(x)", "a text", "文字列にする"},
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		about, separator := r[1], ": "
		if lang == "ja" {
			about = r[2]
		}
		out[i] = "`" + r[0] + "`" + separator + about
	}
	if lang == "ja" {
		return strings.Join(out, "、") + "。"
	}
	return strings.Join(out, "; ") + "."
}
