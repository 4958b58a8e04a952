package app

import (
	"context"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/bantoops/banto"
)

// PrepareAgent makes the data directory of a service and, with a token, joins
// the manager, so that the service finds all it needs and can read it.
func PrepareAgent(ctx context.Context, s ServiceOptions, o Options) error {
	if err := s.check(); err != nil {
		return err
	}
	o.Data = s.Data
	o, err := o.complete()
	if err != nil {
		return err
	}
	dir := agentDir(o.Data)
	if o.Join != "" {
		lock, err := lockAgent(dir)
		if err != nil {
			return err
		}
		err = join(ctx, o, dir)
		lock.Close()
		if err != nil {
			return err
		}
	}
	return giveTo(s.User, o.Data, dir)
}

// giveTo makes the data directory the service's user's own. What jobs have left
// in it stays theirs.
func giveTo(name, data, dir string) error {
	if runtime.GOOS == "windows" || name == "" || name == "root" {
		return nil
	}
	cannot := func(err error) error {
		return banto.Fail(banto.KindInvalid, "cannot give the data directory "+data+" to the user "+name, reasonOf(err), "").Because(err)
	}
	u, err := user.Lookup(name)
	if err != nil {
		return banto.Fail(banto.KindInvalid, "cannot install the agent as a service", "there is no OS user "+name, "make it first, or name another with --user").Because(err)
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	if errUID != nil || errGID != nil {
		return cannot(errUID)
	}
	all := []string{data, dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return cannot(err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			all = append(all, filepath.Join(dir, entry.Name()))
		}
	}
	for _, path := range all {
		if err := os.Lchown(path, uid, gid); err != nil {
			return cannot(err)
		}
	}
	return nil
}
