package notice

// ID names a notice: BANTO, four digits, and a letter for the severity.
type ID string

// Severity says how bad it is.
type Severity int

// The severities.
const (
	Info Severity = iota
	Warning
	Error
)

// Severity gives that of an ID, which is its last letter.
func (id ID) Severity() Severity {
	if id == "" {
		return Info
	}
	switch id[len(id)-1] {
	case 'W':
		return Warning
	case 'E':
		return Error
	}
	return Info
}

// The notices: of the manager (01), its store (02), hosts (03), work (04), limits
// (05), recovery and backups (06), certificates (07), an agent at its own end
// (08), and of watching itself (09). A number is never used again.
const (
	ManagerActive   ID = "BANTO0101I"
	ManagerStandsBy ID = "BANTO0102I"
	ManagerGaveUp   ID = "BANTO0103W"
	ManagerCannot   ID = "BANTO0104E"
	ManagerStops    ID = "BANTO0105I"

	StoreAway  ID = "BANTO0201E"
	StoreFull  ID = "BANTO0202E"
	StoreBack  ID = "BANTO0203I"
	DiskShort  ID = "BANTO0204W"
	DiskRoom   ID = "BANTO0205I"
	LoopStands ID = "BANTO0206E"

	HostLost     ID = "BANTO0301W"
	HostBack     ID = "BANTO0302I"
	AgentRefused ID = "BANTO0303E"
	HostClock    ID = "BANTO0304W"
	HostProblem  ID = "BANTO0305E"
	HostWell     ID = "BANTO0306I"

	AttemptLost    ID = "BANTO0401W"
	AttemptFound   ID = "BANTO0402I"
	TrackerFailed  ID = "BANTO0403E"
	TrackerBlocked ID = "BANTO0404E"
	AccountBlocked ID = "BANTO0405E"

	SubmitRefused ID = "BANTO0501W"

	RecoveryHeld ID = "BANTO0601E"
	RecoveryDone ID = "BANTO0602I"
	BackupDone   ID = "BANTO0603I"
	BackupFailed ID = "BANTO0604E"

	CertificateEnds  ID = "BANTO0701W"
	CertificateEnded ID = "BANTO0702E"

	AgentConnected ID = "BANTO0801I"
	AgentAway      ID = "BANTO0802W"
	AgentTurnedOff ID = "BANTO0803E"

	SyslogDropped ID = "BANTO0901W"
	AliveFailed   ID = "BANTO0902W"
	ProfileTaken  ID = "BANTO0903I"
)

// Text is what a notice says, and what to do about it.
type Text struct{ Says, Do string }

// Notice is a line of the table.
type Notice struct {
	ID       ID
	English  Text
	Japanese Text
}

// Table gives all notices by ID.
func Table() []Notice {
	return []Notice{
		{ManagerActive, Text{"this manager is the active one now", "nothing; after a take-over look why the other one ended"},
			Text{"このマネージャが稼働系になった", "対処不要。引き継ぎの後は、もう一方が終わった理由を調べる"}},
		{ManagerStandsBy, Text{"this manager stands by", "nothing"},
			Text{"このマネージャは待機系である", "対処不要"}},
		{ManagerGaveUp, Text{"this manager is not the active one any more", "banto server list shows who is; its log and the store's say why"},
			Text{"このマネージャは稼働系でなくなった", "どれが稼働系かは banto server list で分かる。理由はこのマネージャとストアのログにある"}},
		{ManagerCannot, Text{"this manager cannot become the active one", "the reason is in the notice; it is tried again by itself"},
			Text{"このマネージャは稼働系になれない", "理由はメッセージにある。自動で再試行する"}},
		{ManagerStops, Text{"this manager stops", "nothing, if it was meant to"},
			Text{"このマネージャは停止する", "意図した停止なら対処不要"}},

		{StoreAway, Text{"the store cannot be used", "look at the disk or at PostgreSQL; the manager goes on by itself, and no result is lost"},
			Text{"ストアが使えない", "ディスクまたは PostgreSQL を調べる。復旧すれば自動で再開し、結果は失われない"}},
		{StoreFull, Text{"the store is full", "make room; the manager goes on by itself, and no result is lost"},
			Text{"ストアが満杯である", "空きを作る。自動で再開し、結果は失われない"}},
		{StoreBack, Text{"the store can be used again", "nothing"},
			Text{"ストアが再び使えるようになった", "対処不要"}},
		{DiskShort, Text{"the disk of the manager's data directory is nearly full", "make room, or shorten keep of the folders"},
			Text{"マネージャのデータディレクトリのディスクがほぼ満杯である", "空きを作るか、フォルダの keep を短くする"}},
		{DiskRoom, Text{"the disk of the manager's data directory has room again", "nothing"},
			Text{"マネージャのデータディレクトリのディスクに空きができた", "対処不要"}},
		{LoopStands, Text{"the manager does not get on: a transaction hangs", "look at the disk or at PostgreSQL: locks, a server that does not answer"},
			Text{"マネージャの処理が進まない（トランザクションが返らない）", "ディスクまたは PostgreSQL（ロック、無応答）を調べる"}},

		{HostLost, Text{"a host is lost", "banto host show, then banto doctor on that machine; what runs there may go on"},
			Text{"ホストが応答しない", "banto host show で調べ、そのマシンで banto doctor を実行する。実行中のジョブは続いている可能性がある"}},
		{HostBack, Text{"a host is back", "nothing"},
			Text{"ホストが復帰した", "対処不要"}},
		{AgentRefused, Text{"an agent is refused: another machine has the same identity, or its records are older than they were", "if a machine was copied or put back, enrol one of them anew: banto host enrol"},
			Text{"エージェントを拒否した（同じ識別を持つ別のマシンがある、または記録が以前より古い）", "マシンを複製または復元した場合は、片方を登録し直す（banto host enrol）"}},
		{HostClock, Text{"the clock of a host is off", "let it take its time from where the manager does"},
			Text{"ホストの時計がずれている", "マネージャと同じ時刻源に合わせる"}},
		{HostProblem, Text{"a host takes nothing new", "the reason is in the notice, such as a full disk"},
			Text{"ホストが新しいジョブを受け付けない", "理由（ディスク満杯など）はメッセージにある"}},
		{HostWell, Text{"a host takes new work again", "nothing"},
			Text{"ホストが再びジョブを受け付ける", "対処不要"}},

		{AttemptLost, Text{"an attempt is lost: its host cannot be reached", "wait for the host, or decide: banto tracker show"},
			Text{"試行が応答なしになった（ホストに届かない）", "ホストの復帰を待つか、banto tracker show で調べて判断する"}},
		{AttemptFound, Text{"an attempt that was lost is found: it still runs", "nothing"},
			Text{"応答なしだった試行が見つかった（実行中である）", "対処不要"}},
		{TrackerFailed, Text{"a tracker has ended in error", "banto tracker show, then banto tracker rerun"},
			Text{"トラッカが異常終了した", "banto tracker show で調べ、banto tracker rerun で再実行する"}},
		{TrackerBlocked, Text{"a tracker is blocked: a part is in error and somebody must act", "banto tracker show, then rerun, skip or force-end the part"},
			Text{"トラッカがエラー停止した（部品が異常で、操作が必要である）", "banto tracker show で調べ、部品を再実行・スキップするか、結果を指定して終了する"}},
		{AccountBlocked, Text{"nothing starts under an account any more: too many logons failed", "mend its password or its rights, then: banto account release"},
			Text{"ログオンの失敗が続いたため、アカウントでの起動を止めた", "パスワードまたは権限を直し、banto account release を実行する"}},

		{SubmitRefused, Text{"submissions are refused: a limit is met", "banto doctor says which; --max-trackers and --submit-rate change it"},
			Text{"上限に達したため投入を拒否した", "どの上限かは banto doctor で分かる。--max-trackers と --submit-rate で変えられる"}},

		{RecoveryHeld, Text{"nothing starts until somebody has confirmed what was found after a restore", "banto recovery show, then banto recovery confirm"},
			Text{"復元後の確認が済むまで何も起動しない", "banto recovery show で調べ、banto recovery confirm で確認する"}},
		{RecoveryDone, Text{"a recovery was confirmed: the manager goes on", "nothing"},
			Text{"復旧が確認され、マネージャは再開した", "対処不要"}},
		{BackupDone, Text{"a backup was taken", "nothing"},
			Text{"バックアップを取得した", "対処不要"}},
		{BackupFailed, Text{"a backup broke off", "take it again; the reason is in the notice"},
			Text{"バックアップが途中で失敗した", "理由はメッセージにある。取り直す"}},

		{CertificateEnds, Text{"the manager's certificate ends soon", "put a new one in its place; the files are read again by themselves"},
			Text{"マネージャの証明書の期限が近い", "新しい証明書に置き換える。ファイルは自動で読み直す"}},
		{CertificateEnded, Text{"the manager's certificate has ended", "put a new one in its place; agents that connect anew cannot until then"},
			Text{"マネージャの証明書の期限が切れた", "新しい証明書に置き換える。それまで新たなエージェントの接続はできない"}},

		{AgentConnected, Text{"this agent is connected to its manager", "nothing"},
			Text{"このエージェントはマネージャに接続した", "対処不要"}},
		{AgentAway, Text{"this agent cannot reach its manager", "banto doctor on this machine says what is in the way; jobs go on"},
			Text{"このエージェントはマネージャに届かない", "このマシンの banto doctor で原因が分かる。ジョブは続く"}},
		{AgentTurnedOff, Text{"the manager refuses this agent", "the reason is in the notice; banto doctor on this machine says more"},
			Text{"マネージャがこのエージェントを拒否した", "理由はメッセージにある。詳しくはこのマシンの banto doctor で分かる"}},

		{SyslogDropped, Text{"notices did not reach the syslog server", "look at that server; they are in the manager's log"},
			Text{"syslog サーバに届かなかったメッセージがある", "syslog サーバを調べる。内容はマネージャのログにある"}},
		{AliveFailed, Text{"the sign of life cannot be given", "look at the file or URL of the sign; the manager itself is well"},
			Text{"稼働通知を出せない", "通知先のファイルまたは URL を調べる。マネージャ自体は正常である"}},
		{ProfileTaken, Text{"a profile of the manager was taken", "nothing, if it was meant to; banto audit list says by whom"},
			Text{"マネージャのプロファイルを取得した", "意図したものなら対処不要。取得者は banto audit list で分かる"}},
	}
}
