package jobyaml

// where says in which mapping a key may stand.
type where string

const (
	inDocument where = "document" // kinds of documents
	inJobnet   where = "jobnet"
	inParam    where = "parameter"
	inDefaults where = "defaults" // of a jobnet
	inPart     where = "part"
	inRetry    where = "retry"
	inExit     where = "exit"
	inLimits   where = "limits"
	inLost     where = "on-lost"
	inKeep     where = "keep"
	inFolder   where = "folder"
	inHanded   where = "folder defaults"
	inGroup    where = "group"
	inAccount  where = "account"
	inUser     where = "user" // one entry of users
	inHosts    where = "hosts"
	inWait     where = "wait"
)

// owner names the mapping as the owner of a key.
func (w where) owner() string {
	switch w {
	case inDefaults, inRetry, inExit, inLimits, inLost, inKeep, inHosts, inWait:
		return string(w)
	case inHanded:
		return "a folder's defaults"
	case inAccount:
		return "an account"
	case inUser:
		return "an account's users"
	}
	return "a " + string(w)
}

// key is one row of the table of keys.
type key struct {
	name    string
	in      []where
	typ     valueType
	later   bool // known to a later version
	en, ja  string
	example string // what a designer would write behind the key
}

// keys is the table of keys, in the order of the reference.
func keys() []key {
	var all []key
	for _, rows := range [][]key{documentKeys(), jobnetKeys(), partKeys(), whereKeys(), runningKeys(), smallKeys(), hostKeys(), laterKeys()} {
		all = append(all, rows...)
	}
	return all
}

func documentKeys() []key {
	return []key{
		{name: "jobnet", in: []where{inJobnet}, typ: typePath, example: "backup/nightly",
			en: "The path of the jobnet; folders by slash. This key makes the document a jobnet.",
			ja: "ジョブネットのパス。フォルダはスラッシュで区切る。このキーのある文書がジョブネットになる。"},
		{name: "folder", in: []where{inFolder}, typ: typePath, example: "sales",
			en: "The path of the folder; / is the root folder. This key makes the document a folder.",
			ja: "フォルダのパス。/ は最上位のフォルダ。このキーのある文書がフォルダになる。"},
		{name: "group", in: []where{inGroup}, typ: typeName, example: "batch-east",
			en: "The name of the host group. Parts say it where they could name a host, so no host may have it. This key makes the document a group.",
			ja: "ホストグループの名前。部品はホストの名前の代わりにこれを書くので、同じ名前のホストがあってはならない。このキーのある文書がホストグループになる。"},
		{name: "account", in: []where{inAccount}, typ: typeName, example: "nightly",
			en: "The name of the account. Parts say it under account. This key makes the document an account.",
			ja: "アカウントの名前。部品は account にこれを書く。このキーのある文書がアカウントになる。"},
		{name: "title", in: []where{inJobnet, inFolder, inPart, inGroup, inAccount}, typ: typeText, example: "夜間バックアップ",
			en: "A name for people, in any language.",
			ja: "人が読むための名前。どの言語でもよい。"},
	}
}

func jobnetKeys() []key {
	return []key{
		{name: "timezone", in: []where{inJobnet, inHanded}, typ: typeZone, example: "Asia/Tokyo",
			en: "The time zone; else the folder's, else the manager's.",
			ja: "タイムゾーン。無ければフォルダの、それも無ければマネージャのものになる。"},
		{name: "params", in: []where{inJobnet}, typ: typeParams, example: "{generations: {type: integer, default: 7}}",
			en: "What a submission may set. Each parameter reaches jobs as an environment variable of its name, and expressions as params.name.",
			ja: "投入のときに指定できる値。ジョブには同じ名前の環境変数として、式には params.名前 として渡る。"},
		{name: "env", in: []where{inJobnet, inHanded, inPart}, typ: typeEnv, example: "{LANG: C.UTF-8}",
			en: "Environment variables; values may hold ${…}. The nearest wins: a part's over its jobnet's over its folders'. A part's variable also wins over a parameter of the same name, and a parameter over a folder's variable; a jobnet may not give both one name.",
			ja: "環境変数。値に ${…} を書ける。近いものが優先する（部品、ジョブネット、フォルダの順）。部品の変数は同名のパラメータより、パラメータはフォルダの変数より優先する。ジョブネットで両方に同じ名前は付けられない。"},
		{name: "defaults", in: []where{inJobnet}, typ: typeDefaults, example: "{host: db01, timeout: 30m}",
			en: "Values for every part below that runs something and does not say otherwise.",
			ja: "何かを実行するすべての部品に、部品に指定がないときに使う値。"},
		{name: "defaults", in: []where{inFolder}, typ: typeHanded, example: "{account: nightly, on-error: wait}",
			en: "Values handed down to all jobnets below; the nearest folder wins.",
			ja: "下位のすべてのジョブネットに引き継ぐ値。近いフォルダが優先する。"},
		{name: "on-error", in: []where{inJobnet, inHanded}, typ: typeOnError, example: "wait",
			en: "When nothing can move any more and a part is in error: end (default) ends the tracker, wait keeps it blocked until the operator acts.",
			ja: "部品が異常で先へ進めなくなったとき、end（既定）はトラッカを終了し、wait は運用者が操作するまで停止したままにする。"},
		{name: "keep", in: []where{inFolder}, typ: typeKeep, example: "{trackers: 400d, output: 90d}",
			en: "How long trackers of the jobnets below are kept once they have ended. The nearest folder that says it counts, for trackers and for output by themselves; where none does, they are kept for ever.",
			ja: "下位のジョブネットの、終了したトラッカを残す期間。トラッカと出力のそれぞれについて、それを書いた最も近いフォルダが有効。どこにもなければ、いつまでも残す。"},
		{name: "parts", in: []where{inJobnet}, typ: typeParts, example: "{archive: {job: tar -cf data.tar .}}",
			en: "The parts by name: a letter of any script, then letters, digits and _. Words of the expression language are refused. They start in the order that their edges (after) demand, whatever the order here.",
			ja: "名前を付けた部品。名前は任意の文字体系の文字で始まり、文字、数字、_ が続く。式の言語の語は使えない。ここでの順序によらず、after の辺に従って始まる。"},
	}
}

func partKeys() []key {
	return []key{
		{name: "job", in: []where{inPart}, typ: typeScript, example: `tar -cf data.tar "$source"`,
			en: "A script for the shell. Parameters reach it as environment variables; ${…} here is the shell's own, never an expression. Write job: | for several lines, or when the text holds a colon and a blank.",
			ja: "シェルに渡すスクリプト。パラメータは環境変数として渡る。ここの ${…} はシェルのもので、式ではない。複数行のときや「: 」を含むときは job: | と書く。"},
		{name: "run", in: []where{inPart}, typ: typeArgs, example: "[split, -b, \"${params.chunk}\", data.tar]",
			en: "A program and its arguments, started without a shell. Each may hold ${…}, which stays one argument.",
			ja: "プログラムと引数。シェルを通さずに起動する。${…} を書け、展開しても一つの引数のまま。"},
		{name: "jobnet", in: []where{inPart}, typ: typePath, example: "sales/close",
			en: "Another jobnet by its path, run as a tracker of its own; the part ends as that does. Which version runs is fixed when the outermost tracker starts.",
			ja: "別のジョブネットのパス。独立したトラッカとして実行し、部品はその結果で終わる。どの版を実行するかは、最も外側のトラッカが始まるときに決まる。"},
		{name: "with", in: []where{inPart}, typ: typeEnv, example: `{day: "${date}"}`,
			en: "Values for the parameters of the jobnet; they may hold ${…}.",
			ja: "ジョブネットのパラメータの値。${…} を書ける。"},
		{name: "branch", in: []where{inPart}, typ: typeBranch, example: "{big: count.files > 1000, small: else}",
			en: "Ways on, each an outlet with its condition: the first that is true is taken, else when no other is. None true and no else is an error. Parts behind it say judge.big; judge alone is any of its ways.",
			ja: "先へ進む道。出口とその条件を並べ、最初に真になったものへ進む。else はほかのどれも真でないときの道。どれも真でなく else もなければ異常。後の部品は judge.big のように書く。judge だけなら、どの道でもよい。"},
		{name: "end", in: []where{inPart}, typ: typeOutcome, example: "warning",
			en: "Ends the jobnet with ok, warning or error: nothing new starts (what waits, or is held, is not taken, and nothing is tried again), what runs finishes, and the outcome is the worst of all parts.",
			ja: "ジョブネットを ok、warning、error のどれかで終える。新しいものは始まらず（待機や保留のものは対象外になり、再試行もしない）、実行中のものは最後まで実行する。結果はすべての部品のうち最も悪いもの。"},
		{name: "wait", in: []where{inPart}, typ: typeWait, example: `{time: "26:30"}`,
			en: "Goes on when what it waits for has come: a time of the base day, or a while.",
			ja: "待つものが来たら先へ進む。基準日の時刻、または一定の時間。"},
		{name: "after", in: []where{inPart}, typ: typeAfter, example: "[archive, copy.error]",
			en: "The parts that this one is behind, each with an outlet: done (default: it ended well), ok, warning, error, or ended (whatever it was).",
			ja: "この部品の前にある部品。出口を付けられる: done（既定。よい結果）、ok、warning、error、ended（結果によらない）。"},
		{name: "join", in: []where{inPart}, typ: typeJoin, example: "any",
			en: "With several edges: all (default) waits for every one, any starts at the first that is taken.",
			ja: "辺がいくつもあるとき、all（既定）はすべてを待ち、any は最初の一つで始まる。"},
		{name: "when", in: []where{inPart}, typ: typeExpression, example: "count.files > 0",
			en: "A condition, evaluated when the part could start; if it is false the part is not taken.",
			ja: "部品が始まれるときに評価する条件。偽なら部品は対象外になる。"},
		{name: "heals", in: []where{inPart}, typ: typeBoolean, example: "true",
			en: "If this part ends well, the error that it is behind counts as a warning. It needs an edge from an error outlet, or from ended.",
			ja: "この部品がよい結果で終われば、前の部品の異常は警告として数える。error か ended の出口からの辺が要る。"},
		{name: "sets", in: []where{inPart}, typ: typeSets, example: "{files: integer}",
			en: "The variables that the job sets, by lines name=value in the file $BANTO_VARS, with their types: string (default), integer, number, boolean, date, list.",
			ja: "ジョブが $BANTO_VARS のファイルに 名前=値 の行で設定する変数とその型: string（既定）、integer、number、boolean、date、list。"},
	}
}

// whereKeys say where a part runs, as whom, and in what.
func whereKeys() []key {
	everywhere := []where{inPart, inDefaults, inHanded}
	return []key{
		{name: "host", in: everywhere, typ: typeHost, example: "db01",
			en: "Where to run: a host by name, a host group by name, or labels that the host must have, {role: batch, area: east}; names and values of labels may hold ${…}. Chosen once for a tracker, and then kept. Without it, the host beside the manager.",
			ja: "実行する場所: ホストの名前、ホストグループの名前、またはホストが持つべきラベル {role: batch, area: east}。名前とラベルの値に ${…} を書ける。トラッカごとに一度選び、以後変えない。無ければマネージャと同じ場所のホスト。"},
		{name: "pick", in: everywhere, typ: typePartPick, example: "per-part",
			en: "When a host is chosen out of a group or by labels: per-tracker (default) takes the one that the tracker has chosen already, per-part chooses anew for this part.",
			ja: "グループやラベルからホストを選ぶ時: per-tracker（既定）はトラッカがすでに選んだホストを使い、per-part はこの部品のために選び直す。"},
		{name: "account", in: everywhere, typ: typeText, example: "batch",
			en: "Who to run as: an account by name, or else an OS user. Without it, the agent's own user.",
			ja: "誰として実行するか: アカウントの名前、その名前のアカウントがなければ OS のユーザ。無ければエージェント自身のユーザ。"},
		{name: "dir", in: everywhere, typ: typeText, example: "/srv/backup",
			en: "The directory to run in; may hold ${…}. Without it, $BANTO_WORK, the tracker's scratch directory on the host; a relative path is taken from there.",
			ja: "実行するディレクトリ。${…} を書ける。無ければ、そのホストでのトラッカの作業ディレクトリ $BANTO_WORK。相対パスはそこから数える。"},
		{name: "shell", in: everywhere, typ: typeShell, example: "bash",
			en: "The shell that runs the script: sh, bash, pwsh, powershell or cmd; a host that has it is chosen. Without it, the host's own kind: sh, on Windows powershell.",
			ja: "スクリプトを実行するシェル: sh、bash、pwsh、powershell、cmd。それがあるホストを選ぶ。無ければホストの種類による: sh、Windows では powershell。"},
		{name: "delayed", in: []where{inJobnet, inPart, inDefaults, inHanded}, typ: typeBoolean, example: "true",
			en: "For shell: cmd. The script takes variables as !name!, which cmd replaces after it has read the line. Without it a cmd script is refused when a parameter or another part's value reaches it: cmd puts %name% into the line before it reads it, so that a value could become a command.",
			ja: "shell: cmd のときに使う。スクリプトは変数を !名前! と書き、cmd は行を読んだ後で置き換える。これがないと、パラメータやほかの部品の値が渡る cmd のスクリプトは断られる。cmd は %名前% を行を読む前に置き換えるので、値がコマンドになり得るため。"},
		{name: "encoding", in: everywhere, typ: typeEncoding, example: "cp932",
			en: "What the job prints in: utf-8 (default), cp932 (also shift_jis), euc-jp, iso-2022-jp, utf-16, windows-1252, iso-8859-1, gb18030, big5, euc-kr and others. Output is kept as it came and shown as Unicode; the variables file may be in it too.",
			ja: "ジョブの出力の文字コード: utf-8（既定）、cp932（shift_jis も可）、euc-jp、iso-2022-jp、utf-16、windows-1252、iso-8859-1、gb18030、big5、euc-kr など。出力は届いたまま保存し、Unicode で表示する。変数のファイルにも使える。"},
	}
}

// runningKeys say how a part runs, and what its end means.
func runningKeys() []key {
	everywhere := []where{inPart, inDefaults, inHanded}
	return []key{
		{name: "limits", in: everywhere, typ: typeLimits, example: "{memory: 512M, processes: 100}",
			en: "What an attempt may use, with all its processes. The nearest limits replace those above as a whole; {} is none.",
			ja: "試行が、そのすべてのプロセスを合わせて使える量。近い limits が上位のもの全体に代わる。{} は制限なし。"},
		{name: "rerun", in: []where{inPart}, typ: typeRerun, example: "ask",
			en: "Whether the operator may run it again: yes (default), ask (only when it is confirmed), or never.",
			ja: "運用者が再実行してよいか: yes（既定）、ask（確かめたときだけ）、never（してはならない）。"},
		{name: "on-lost", in: everywhere, typ: typeOnLost, example: "rerun",
			en: "What is done when the host of an attempt does not come back: wait (default) for it, or for the operator; fail: the attempt ends in error; rerun: a new attempt, on another host if the part may run on one; rerun-jobnet: the whole tracker starts again from its start, as its files died with the host, up to three times. All but wait act only when the host's keeper must have ended the attempt. What says rerun: ask or never is not run again so.",
			ja: "試行のホストが戻らないときにすること: wait（既定）はホストか運用者を待つ。fail は試行を異常で終える。rerun は、部品がほかのホストで実行できるならそこで、新しい試行を始める。rerun-jobnet は、ファイルがホストとともに失われたとして、トラッカ全体を最初から始める（3 回まで）。wait のほかは、ホストのキーパーが試行を終わらせたはずの時刻になってから行う。rerun: ask や never の部品は、これでは再実行できない。"},
		{name: "timeout", in: everywhere, typ: typeDuration, example: "2h",
			en: "How long an attempt may run before it is killed and ends in error.",
			ja: "試行の最長時間。過ぎると強制停止し、異常になる。"},
		{name: "retry", in: everywhere, typ: typeRetry, example: "{attempts: 3, wait: 10s}",
			en: "Try again after an error.",
			ja: "異常のとき、やり直す。"},
		{name: "exit", in: everywhere, typ: typeExit, example: "{ok: 0, warning: 1-3, error: 4-}",
			en: "What exit codes mean. A code that no rule names is an error. Without rules 0 is ok; where ok is not given, 0 is ok unless another rule claims it.",
			ja: "終了コードの意味。どの規則にもないコードは異常。規則がなければ 0 が正常。ok を書かなければ、ほかの規則に 0 がない限り 0 が正常。"},
	}
}

func smallKeys() []key {
	return []key{
		{name: "type", in: []where{inParam}, typ: typeType, example: "integer",
			en: "The type: string (default), integer, number, boolean, date, list, or choice.",
			ja: "型: string（既定）、integer、number、boolean、date、list、choice。"},
		{name: "default", in: []where{inParam}, typ: typeValue, example: "7",
			en: "The value when the submission gives none. A parameter without a default that was not given has no value.",
			ja: "投入で指定がないときの値。既定値がなく指定もないパラメータには値がない。"},
		{name: "min", in: []where{inParam}, typ: typeNumber, example: "1",
			en: "The least value of an integer or number.", ja: "整数や数の最小値。"},
		{name: "max", in: []where{inParam}, typ: typeNumber, example: "99",
			en: "The greatest value of an integer or number.", ja: "整数や数の最大値。"},
		{name: "of", in: []where{inParam}, typ: typeTexts, example: "[full, diff]",
			en: "What a choice may be.", ja: "choice の選択肢。"},
		{name: "required", in: []where{inParam}, typ: typeBoolean, example: "true",
			en: "The submission must give it, and not empty.", ja: "投入のとき必ず、空でない値を指定する。"},
		{name: "about", in: []where{inParam}, typ: typeText, example: "directory to back up",
			en: "What it is for, for people.", ja: "何のためのものか、人への説明。"},

		{name: "attempts", in: []where{inRetry}, typ: typeInteger, example: "3",
			en: "The total of attempts, the first included: 1 to 1000.", ja: "最初を含む試行の総数。1 から 1000。"},
		{name: "wait", in: []where{inRetry}, typ: typeDuration, example: "10s",
			en: "How long to wait before the next attempt.", ja: "次の試行までの待ち時間。"},
		{name: "backoff", in: []where{inRetry}, typ: typeNumber, example: "2",
			en: "The factor on each further wait: 1 (default) to 100.", ja: "待ち時間に毎回掛ける係数。1（既定）から 100。"},
		{name: "codes", in: []where{inRetry}, typ: typeCodes, example: "[75]",
			en: "Try again only after these exit codes; without it, after any error.", ja: "この終了コードのときだけやり直す。無ければどの異常でもやり直す。"},

		{name: "time", in: []where{inWait}, typ: typeClock, example: `"26:30"`,
			en: "A time of the base day, in the jobnet's time zone, from 00:00 to 47:59: 26:30 is half past two of the day after. One that has passed is not waited for. Where clocks go forward over it, it is as much later; where they show it twice, the first counts.",
			ja: "ジョブネットのタイムゾーンでの、基準日の時刻。00:00 から 47:59 まで。26:30 は翌日の 2 時 30 分。過ぎていれば待たない。時計が進められて飛ばされる時刻は、その分だけ後になる。戻されて二度ある時刻は最初のもの。"},
		{name: "for", in: []where{inWait}, typ: typeDuration, example: "10m",
			en: "How long to wait, from when the part's turn has come.",
			ja: "部品の番が来てから待つ時間。"},

		{name: "then", in: []where{inLost}, typ: typeLost, example: "rerun",
			en: "What is done: wait, fail, rerun or rerun-jobnet.", ja: "すること: wait、fail、rerun、rerun-jobnet。"},
		{name: "after", in: []where{inLost}, typ: typeDuration, example: "2m",
			en: "How long the host may be without contact to the manager before its keeper ends the attempt: 15s to 7d, 1m without it. Some seconds later on-lost acts.",
			ja: "ホストがマネージャと連絡できないまま、キーパーが試行を終わらせるまでの時間: 15s から 7d。無ければ 1m。on-lost はその数秒後に働く。"},

		{name: "trackers", in: []where{inKeep}, typ: typeDuration, example: "400d",
			en: "How long trackers are kept after their end, with their parts, attempts and output: 1d to 36500d; a day is 24 hours.",
			ja: "トラッカを、部品、試行、出力とともに、終了後に残す期間: 1d から 36500d。1 日は 24 時間。"},
		{name: "output", in: []where{inKeep}, typ: typeDuration, example: "90d",
			en: "How long the output of their attempts is kept: 1d to 36500d, and no longer than the tracker.",
			ja: "試行の出力を残す期間: 1d から 36500d。トラッカより長くは残らない。"},

		{name: "ok", in: []where{inExit}, typ: typeCodes, example: "[0, 2]",
			en: "Exit codes that are ok: 0, a range 1-3, an open range 4-, or a list of them.", ja: "正常とする終了コード: 0、範囲 1-3、上限のない範囲 4-、またはその並び。"},
		{name: "warning", in: []where{inExit}, typ: typeCodes, example: "1-3",
			en: "Exit codes that are a warning.", ja: "警告とする終了コード。"},
		{name: "error", in: []where{inExit}, typ: typeCodes, example: "4-",
			en: "Exit codes that are an error.", ja: "異常とする終了コード。"},
	}
}

// hostKeys are those of limits, and of groups and accounts.
func hostKeys() []key {
	return []key{
		{name: "memory", in: []where{inLimits}, typ: typeSize, example: "512M",
			en: "Memory; K, M and G are powers of 1024. At the limit the attempt is killed and ends in error (memory).",
			ja: "メモリ。K、M、G は 1024 の累乗。超えると試行は強制停止され、異常（memory）になる。"},
		{name: "cpu", in: []where{inLimits}, typ: typePercent, example: "50%",
			en: "Processor time, of one processor: 50% is half of one, 200% two whole ones.",
			ja: "CPU 時間。1 プロセッサに対する割合で、50% は半分、200% は 2 個分。"},
		{name: "processes", in: []where{inLimits}, typ: typeInteger, example: "100",
			en: "Processes at once.", ja: "同時のプロセス数。"},
		{name: "files", in: []where{inLimits}, typ: typeInteger, example: "1024",
			en: "Open files of each process.", ja: "各プロセスが開けるファイル数。"},
		{name: "nice", in: []where{inLimits}, typ: typeInteger, example: "10",
			en: "How much it gives way to others: 0 to 19.", ja: "ほかのプロセスに譲る度合い: 0 から 19。"},

		{name: "hosts", in: []where{inGroup}, typ: typeHosts, example: "[db01, db02]",
			en: "The hosts of the group, by name or by labels: {labels: {role: batch, area: east}} are all hosts that have all of these.",
			ja: "グループのホスト。名前の並びか、ラベルで書く。{labels: {role: batch, area: east}} はそのすべてを持つホスト全部。"},
		{name: "pick", in: []where{inGroup}, typ: typePick, example: "round-robin",
			en: "Which host a tracker gets: least-loaded (default), round-robin, first-alive (in the order of hosts, by labels that of their names), or all: every host, with an outcome for each.",
			ja: "トラッカにどのホストを割り当てるか: least-loaded（既定。負荷の最も小さいもの）、round-robin（順番）、first-alive（hosts の順、ラベルなら名前の順で最初に使えるもの）、all（すべてのホストで実行し、結果をそれぞれ残す）。"},
		{name: "users", in: []where{inAccount}, typ: typeUsers, example: "[{hosts: batch-east, user: nightly}, {user: batch}]",
			en: "Who the account is on which hosts. The first entry that holds the host counts.",
			ja: "アカウントがどのホストでどのユーザかを書く。ホストを含む最初の項目が有効。"},
		{name: "hosts", in: []where{inUser}, typ: typeSomeHosts, example: "batch-east",
			en: "A host or a host group by name, or {labels: {role: batch}}. Without it, all hosts.",
			ja: "ホストかホストグループの名前、または {labels: {role: batch}}。無ければすべてのホスト。"},
		{name: "user", in: []where{inUser}, typ: typeText, example: "nightly",
			en: `The OS user; on Windows also 'DOM\user'.`,
			ja: `OS のユーザ。Windows では 'DOM\user' とも書ける。`},
		{name: "labels", in: []where{inHosts}, typ: typeLabels, example: "{role: batch, area: east}",
			en: "The labels that the hosts have, all of them.",
			ja: "ホストが持つラベル。そのすべて。"},
	}
}

// laterKeys are the keys that a later version will know.
func laterKeys() []key {
	rows := []struct {
		name string
		in   []where
	}{
		{"calendar", []where{inDocument}},
		{"schedule", []where{inDocument}},
		{"queue", []where{inDocument}},
		{"resource", []where{inDocument}},
		{"part", []where{inDocument}},
		{"running-at-once", []where{inJobnet}},
		{"overlap", []where{inJobnet}},
		{"use", []where{inPart}},
		{"send", []where{inPart}},
		{"approval", []where{inPart}},
		{"for-each", []where{inPart}},
		{"repeat", []where{inPart}},
		{"secrets", []where{inPart}},
		{"queue", []where{inPart, inDefaults, inHanded}},
		{"priority", []where{inPart, inDefaults, inHanded}},
		{"uses", []where{inPart}},
		{"fail-if", []where{inPart, inDefaults, inHanded}},
		{"rerun", []where{inDefaults, inHanded}},
		{"late", []where{inPart, inDefaults, inHanded}},
		{"if-fails", []where{inPart, inDefaults, inHanded}},
		{"secret", []where{inUser}},
		{"open-days", []where{inHanded}},
		{"day-starts", []where{inHanded}},
	}
	out := make([]key, len(rows))
	for i, row := range rows {
		out[i] = key{name: row.name, in: row.in, later: true}
	}
	return out
}

// table finds keys by place and name.
type table struct {
	rows  map[where]map[string]*key
	names map[where][]string // supported here, in order
}

func newTable() *table {
	t := &table{rows: map[where]map[string]*key{}, names: map[where][]string{}}
	all := keys()
	for i := range all {
		for _, w := range all[i].in {
			if t.rows[w] == nil {
				t.rows[w] = map[string]*key{}
			}
			t.rows[w][all[i].name] = &all[i]
			if !all[i].later {
				t.names[w] = append(t.names[w], all[i].name)
			}
		}
	}
	return t
}

// elsewhere names a mapping that the key would be at home in, or "".
func (t *table) elsewhere(name string) where {
	for _, w := range []where{inJobnet, inPart, inDefaults, inHanded, inParam, inFolder, inRetry, inExit, inLimits, inLost, inKeep, inGroup, inAccount, inUser, inHosts, inWait} {
		if k := t.rows[w][name]; k != nil && !k.later {
			return w
		}
	}
	return ""
}
