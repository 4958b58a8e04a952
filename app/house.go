package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/store"
)

// The keys of the house are kept in the store, so that every manager of it can
// speak for it, and a backup holds them: the directories are copies.

// shareCA gives what brings the house's CA into its directory; it is called
// only where a CA is needed.
func (s *Server) shareCA(ctx context.Context) func(dir string) error {
	return func(dir string) error {
		files := []string{"ca.key", "ca.crt"}
		return s.share(ctx, "ca", dir, files, func() ([]byte, error) {
			if _, err := auth.OpenAuthority(dir, time.Now); err != nil {
				return nil, err
			}
			return bundle(dir, files)
		}, func(body []byte) error { return unbundle(body, dir, files) })
	}
}

// shareFabric brings the keys of the fabric into their directory.
func (s *Server) shareFabric(ctx context.Context, dir string) error {
	return s.share(ctx, "fabric", dir, []string{"operator.nk", "account.nk"},
		func() ([]byte, error) { return fabric.ExportKeys(dir) },
		func(body []byte) error { return fabric.ImportKeys(dir, body) })
}

// share makes keys those that the store has under a name. If it has none they
// are exported, made if need be, and the first manager's are everybody's.
func (s *Server) share(ctx context.Context, name, dir string, files []string, export func() ([]byte, error), take func([]byte) error) error {
	body, err := s.store.Kept(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		if body, err = export(); err == nil {
			body, err = s.store.Keep(ctx, name, body)
		}
	}
	if err == nil {
		err = s.replace(dir, files, func() error { return take(body) })
	}
	if err != nil {
		return fmt.Errorf("cannot use the keys of the house (%s) that the store keeps: %w", name, err)
	}
	return nil
}

// replace runs what writes files, and puts those aside that it makes others:
// the keys of another house may be wanted back, when the wrong store was named.
func (s *Server) replace(dir string, files []string, write func() error) error {
	before := map[string][]byte{}
	for _, name := range files {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			before[name] = text
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	aside := ".was-" + time.Now().UTC().Format("20060102T150405")
	for name, text := range before {
		if err := os.WriteFile(filepath.Join(dir, name+aside), text, 0o600); err != nil {
			return err
		}
	}
	if err := write(); err != nil {
		return err
	}
	for name, text := range before {
		now, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if bytes.Equal(now, text) {
			if err := os.Remove(filepath.Join(dir, name+aside)); err != nil {
				return err
			}
			continue
		}
		s.opts.Log.Warn("the store has other keys than this directory had; those were put aside", "file", filepath.Join(dir, name+aside))
	}
	return nil
}

// bundle reads files into one body.
func bundle(dir string, files []string) ([]byte, error) {
	all := make(map[string][]byte, len(files))
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		all[name] = text
	}
	return json.Marshal(all)
}

// unbundle writes the files of a body that are not there just so.
func unbundle(body []byte, dir string, files []string) error {
	var all map[string][]byte
	if err := json.Unmarshal(body, &all); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range files {
		path := filepath.Join(dir, name)
		if len(all[name]) == 0 {
			return fmt.Errorf("%s is not in the store", name)
		}
		there, err := os.ReadFile(path)
		if err == nil && bytes.Equal(there, all[name]) {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path+".new", all[name], 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}
