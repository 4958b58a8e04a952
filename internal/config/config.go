package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/wholefile"
)

// Config is what the file holds.
type Config struct {
	// URL is the manager's, or those of all managers of one store, with commas
	// between them.
	URL   string `json:"url"`
	Token string `json:"token"`
	// CA is what the manager's certificate must come from, as PEM; empty: a CA
	// that the system trusts.
	CA string `json:"ca,omitempty"`
}

// TLS gives what a client of the manager trusts; nil: what the system does.
func (c Config) TLS() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil //nolint:nilnil // as said above
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, banto.Fail(banto.KindInvalid, "cannot trust the manager at "+c.URL,
			"the ca that the configuration holds is not a certificate in PEM", "banto login "+strings.ReplaceAll(c.URL, ",", " ")+" keeps it anew")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}

// mode is what the file is made with: for its owner alone.
const mode = 0o600

// Path says where the caller's file is: $BANTO_CONFIG, else
// $XDG_CONFIG_HOME/banto/config.json, else ~/.config/banto/config.json. It is
// empty when the environment names no home at all.
func Path(getenv func(string) string) string {
	if path := getenv("BANTO_CONFIG"); path != "" {
		return path
	}
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "banto", "config.json")
	}
	home := getenv("HOME")
	if runtime.GOOS == "windows" {
		if dir := getenv("AppData"); dir != "" {
			return filepath.Join(dir, "banto", "config.json")
		}
		home = getenv("USERPROFILE")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".config", "banto", "config.json")
}

// Load reads the file. A file that is not there gives an empty Config and an
// error that is fs.ErrNotExist.
func Load(path string) (Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return Config{}, banto.Fail(banto.KindDenied, "cannot use "+path,
			"others can read it, and it may hold a token", "chmod 600 '"+path+"'")
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("cannot read the configuration: %w", err)
	}
	var c Config
	if err := json.Unmarshal(body, &c); err != nil {
		return Config{}, banto.Fail(banto.KindInvalid, "cannot read "+path, err.Error(),
			`it holds {"url": "http://…", "token": "…"}`).Because(err)
	}
	return c, nil
}

// Save writes the file, whole or not at all, for its owner alone. Keys that
// are not ours are kept.
func Save(path string, c Config) error {
	keys := map[string]json.RawMessage{}
	if old, err := os.ReadFile(path); err == nil {
		// A file that is no JSON holds nothing that is worth keeping.
		_ = json.Unmarshal(old, &keys)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	if keys == nil {
		keys = map[string]json.RawMessage{}
	}
	for name, value := range map[string]string{"url": c.URL, "token": c.Token, "ca": c.CA} {
		if name == "ca" && value == "" {
			delete(keys, name)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("cannot write the configuration: %w", err)
		}
		keys[name] = text
	}
	body, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = wholefile.Write(path, append(body, '\n'), mode)
	}
	if err != nil {
		return fmt.Errorf("cannot write the configuration %s: %w", path, err)
	}
	return nil
}
