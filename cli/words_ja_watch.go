package cli

// wordsJAWatch is the part of the Japanese catalogue about those who watch a
// manager from outside.
func wordsJAWatch() map[string]string {
	return map[string]string{
		"--log-format wants text or json":                                                                            "--log-format には text か json を指定します",
		"--metrics wants token or open":                                                                              "--metrics には token か open を指定します",
		"ask for this `URL` every minute while all is well":                                                          "正常な間、この `URL` に毎分アクセスする",
		"give the sign of life also while this manager stands by":                                                    "待機系の間も稼働通知を出す",
		"send notices to the syslog server at this `URL`, such as udp://loghost:514 or unix:///dev/log":              "メッセージをこの `URL` の syslog サーバに送る (例: udp://loghost:514、unix:///dev/log)",
		"who may read /metrics: `token` (whoever has one that may read), or open (also who calls from this machine)": "/metrics を読める者: `token` (参照できるトークンを持つ者)、または open (このマシンからの呼び出しも)",
		"write notices to the event log of Windows":                                                                  "メッセージを Windows のイベントログに書く",
		"write the log as `text` or json":                                                                            "ログの形式: `text` または json",
		"write this `FILE` every minute while all is well":                                                           "正常な間、この `FILE` を毎分書く",
	}
}
