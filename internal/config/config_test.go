package config_test

import (
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/config"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"named", map[string]string{"BANTO_CONFIG": "/x/y", "HOME": "/h"}, "/x/y"},
		{"xdg", map[string]string{"XDG_CONFIG_HOME": "/c", "HOME": "/h"}, "/c/banto/config.json"},
		{"relative xdg does not count", map[string]string{"XDG_CONFIG_HOME": "c", "HOME": "/h"}, "/h/.config/banto/config.json"},
		{"home", map[string]string{"HOME": "/h"}, "/h/.config/banto/config.json"},
		{"nothing", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("paths of Unix")
			}
			if got := config.Path(func(k string) string { return tt.env[k] }); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSaveThenLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "config.json")
	if _, err := config.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a file that is not there: %v", err)
	}
	want := config.Config{URL: "http://127.0.0.1:1", Token: "secret"}
	if err := config.Save(path, want); err != nil {
		t.Fatal(err)
	}
	if got, err := config.Load(path); err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSaveKeepsWhatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"url":"old","pin":"abc"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.Save(path, config.Config{URL: "new"}); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(body), `"pin": "abc"`) || strings.Contains(string(body), "old") {
		t.Errorf("%s, %v", body, err)
	}
}

func TestCAIsKeptAndTrusted(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	path := filepath.Join(t.TempDir(), "config.json")
	if err := config.Save(path, config.Config{URL: srv.URL, CA: ca}); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil || c.CA != ca {
		t.Fatalf("got %+v, %v", c, err)
	}
	trust, err := c.TLS()
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}).Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := config.Save(path, config.Config{URL: srv.URL}); err != nil {
		t.Fatal(err)
	}
	c, err = config.Load(path)
	if trust, tlsErr := c.TLS(); err != nil || tlsErr != nil || trust != nil || c.CA != "" {
		t.Errorf("a CA that was taken away: %+v, %v, %v", c, err, tlsErr)
	}
	c.CA = "-----BEGIN"
	if _, err := c.TLS(); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("a CA that is none: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"url":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); banto.KindOf(err) != banto.KindInvalid {
		t.Errorf("half a file: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); banto.KindOf(err) != banto.KindDenied || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
}
