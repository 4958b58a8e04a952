package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
)

// A manager's clock is told by the Date of its answers.
func TestClocksApart(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration // of the manager
		found string        // empty: nothing is wrong
	}{
		"right":      {0, ""},
		"a day off":  {-24 * time.Hour, "ahead of the manager's"},
		"behind":     {time.Hour, "behind the manager's"},
		"a second":   {time.Second, ""},
		"a year off": {365 * 24 * time.Hour, "behind the manager's"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
				json.NewEncoder(w).Encode(banto.VersionInfo{Version: "1.0.0", API: "v1"})
			}))
			defer s.Close()
			var clock *banto.Finding
			for _, f := range askManager(context.Background(), Options{Proxy: "direct", Version: "1.0.0"}, "", s.URL) {
				if f.Check == "clock" {
					clock = &f
				}
			}
			switch {
			case clock == nil:
				t.Fatal("nothing is said of the clock")
			case c.found == "" && !clock.OK, c.found != "" && (clock.OK || !strings.Contains(clock.Found, c.found) || clock.Advice == ""):
				t.Errorf("it says %+v", *clock)
			}
		})
	}
}
