package api

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// localZone names the time zone that time.Local is: by the tz database if its name
// can be found out, else by the offset that it has now.
func localZone(now time.Time) string {
	if name, set := os.LookupEnv("TZ"); set {
		if name = strings.TrimPrefix(name, ":"); known(name) {
			return name
		}
		return time.UTC.String() // as time.Local does
	}
	if link, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(link, "/zoneinfo/"); ok && known(name) {
			return name
		}
	}
	if text, err := os.ReadFile("/etc/timezone"); err == nil && known(strings.TrimSpace(string(text))) {
		return strings.TrimSpace(string(text))
	}
	return now.In(time.Local).Format("-07:00")
}

func known(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
