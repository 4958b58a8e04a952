//go:build unix

package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

func TestExpiry(t *testing.T) {
	const shadow = "root:*:1:0:99999:7:::\n" +
		"ended:!:20000:0:99999:7::20010:\n" +
		"tomorrow:!:20000:0:99999:7::20011:\n" +
		"old:$y$hash:19900:0:90:7:::\n" +
		"young:$y$hash:20000:0:90:7:::\n" +
		"service:!:19000:0:90:7:::\n" +
		"empty::19000:0:90:7:::\n" +
		"new:$y$hash:0:0:99999:7:::\n" +
		"strange:x:a:b:c:d:e:f:\n" +
		"short:x:1\n" +
		"never:$y$hash:::::::\n"
	path := filepath.Join(t.TempDir(), "shadow")
	if err := os.WriteFile(path, []byte(shadow), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(20010*24*60*60+100, 0)
	for name, want := range map[string]string{
		"root": "", "tomorrow": "", "young": "", "service": "", "empty": "", "strange": "", "short": "", "never": "", "nobody": "",
		"ended": "the OS user ended has expired on 2024-10-14",
		"old":   "the OS user old has a password that has expired on 2024-09-24",
		"new":   "the OS user new must change its password first",
	} {
		no := expired(path, name, now)
		switch {
		case want == "" && no != nil:
			t.Errorf("%s: %+v", name, no)
		case want != "" && (no == nil || no.reason != banto.ReasonExpired || !strings.HasPrefix(no.message, want)):
			t.Errorf("%s: %+v, want %q", name, no, want)
		}
	}
	if no := expired(path+".none", "ended", now); no != nil {
		t.Error("without a file", no)
	}
}
