package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

// backupDocument is what a program reads of a backup.
type backupDocument struct {
	File string           `json:"file"`
	Size int64            `json:"size"`
	Info banto.BackupInfo `json:"backup"`
}

func newBackupCommand(e *env) *cobra.Command {
	var out, verify string
	var force, asJSON bool
	cmd := e.command("backup", e.say("Take a backup of the manager's store while it is in use"), func(cmd *cobra.Command, _ []string) error {
		if verify != "" {
			if out != "" || force {
				return e.wrongUse(cmd, e.say("--verify looks at a file that is there; it goes with no other but --json"))
			}
			return e.verifyBackup(cmd.Context(), verify, asJSON)
		}
		if _, _, ok := e.terminal(); ok && (out == "" || out == "-") {
			return e.wrongUse(cmd, e.say("a backup is not for a terminal: name a file with -o, or send standard output somewhere"))
		}
		if asJSON && (out == "" || out == "-") {
			return e.wrongUse(cmd, e.say("--json needs a file (-o): the backup itself goes to standard output"))
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		if out == "" || out == "-" {
			return e.backupToOutput(cmd.Context(), m)
		}
		return e.backupToFile(cmd.Context(), m, out, force, asJSON)
	})
	cmd.Long = e.say("Takes a backup of everything that the manager keeps: definitions, trackers, hosts, keys. It is that of one\nmoment, and holds nobody up. What jobs have printed is not in it. It holds the keys of the house: keep it\nas you keep those. With -o it is read to its end before the file gets its name.")
	cmd.Example = examples("banto backup -o /backup/banto-$(date +%F).backup", "banto backup --verify /backup/banto-2026-11-21.backup",
		"banto backup | gpg -e -r ops > banto.backup.gpg")
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", e.say("write it to this `FILE`, for its owner alone; else to standard output"))
	f.BoolVar(&force, "force", false, e.say("write over a file that is there"))
	f.StringVar(&verify, "verify", "", e.say("take none: say what this `FILE` holds, and whether it is whole"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	_ = cmd.MarkFlagFilename("output") // only a flag that is not there cannot be completed
	_ = cmd.MarkFlagFilename("verify")
	return cmd
}

// verifyBackup says whether a file is whole.
func (e *env) verifyBackup(ctx context.Context, file string, asJSON bool) error {
	var info banto.BackupInfo
	err := e.during(e.say("reading %s", plain(file)), func() (err error) {
		info, err = verifyFile(ctx, file)
		return err
	})
	if err != nil {
		return err
	}
	at, err := os.Stat(file)
	if err != nil {
		return e.unreadable(file, err)
	}
	return e.tellBackup(e.say("%s is whole", plain(file)), backupDocument{File: file, Size: at.Size(), Info: info}, asJSON)
}

func (e *env) unreadable(file string, err error) error {
	return banto.Fail(banto.KindInvalid, e.say("cannot read %s", plain(file)), e.system(err), "").Because(err)
}

// tellBackup says what a backup holds.
func (e *env) tellBackup(head string, d backupDocument, asJSON bool) error {
	if asJSON {
		return e.document(d)
	}
	if err := e.print(head + "\n"); err != nil {
		return err
	}
	return e.written(e.factsOf(d).write(e))
}

func (e *env) factsOf(d backupDocument) *facts {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	var f facts
	f.add("  "+e.say("of"), e.moment(d.Info.At), "")
	f.add("  "+e.say("trackers"), number(d.Info.Trackers), "")
	f.add("  "+e.say("jobnets"), number(d.Info.Jobnets), "")
	f.add("  "+e.say("hosts"), number(d.Info.Hosts), "")
	f.add("  "+e.say("rows"), number(d.Info.Rows), "")
	f.add("  "+e.say("size"), size(d.Size), "")
	f.add("  "+e.say("version"), plain(d.Info.Version), "")
	return &f
}

// meter counts what passes.
type meter struct {
	w   io.Writer
	n   atomic.Int64
	err error // of w, which is not the stream's fault
}

func (c *meter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	if err != nil {
		c.err = err
	}
	return n, err
}

// whole remembers why reading failed.
type whole struct {
	r   io.Reader
	err error
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// fetch passes a backup on, and looks at it as it comes.
func (e *env) fetch(ctx context.Context, m *client.Client, to *meter) (info banto.BackupInfo, err error) {
	text := func() string { return e.say("taking the backup: %s", size(to.n.Load())) }
	err = e.progressing(text, func() error {
		body, err := m.Backup(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }() // read to its end or of no use
		coming := &whole{r: body}
		passing := io.TeeReader(coming, to)
		if info, err = verifyStream(passing); err == nil {
			_, err = io.Copy(io.Discard, passing)
		}
		if coming.err != nil {
			return coming.err // why it broke off says more than that it did
		}
		return err
	})
	return info, err
}

func (e *env) backupToOutput(ctx context.Context, m *client.Client) error {
	to := &meter{w: e.std.Out}
	info, err := e.fetch(ctx, m, to)
	switch {
	case to.err != nil:
		return banto.Fail(banto.KindInternal, e.say("cannot write to standard output"), e.system(to.err), e.say("what was written so far is no backup")).Because(to.err)
	case err != nil:
		return err
	}
	// What stands beside the backup is not worth an error.
	_, _ = io.WriteString(e.std.Err, e.say("backup of %s: %s, %d rows, whole", e.moment(info.At), size(to.n.Load()), info.Rows)+"\n")
	if f, ok := e.std.Out.(*os.File); ok && runtime.GOOS != "windows" {
		if at, err := f.Stat(); err == nil && at.Mode().IsRegular() && at.Mode().Perm()&0o077 != 0 {
			_, _ = io.WriteString(e.std.Err, e.say("others of this machine can read the file: chmod 600 it, it holds the keys of the house")+"\n")
		}
	}
	return nil
}

// backupToFile writes a backup beside the file that it becomes, and gives it
// its name once it is whole.
func (e *env) backupToFile(ctx context.Context, m *client.Client, file string, force, asJSON bool) error {
	there := banto.Fail(banto.KindConflict, e.say("cannot write %s", plain(file)), e.say("there is one already"), e.say("name another, or write over it with --force"))
	if at, err := os.Stat(file); err == nil && (!force || !at.Mode().IsRegular()) {
		if at.IsDir() {
			there.Why, there.Hint = e.say("it is a directory"), e.say("name a file in it")
		}
		return there
	}
	failed := func(err error) error {
		return banto.Fail(banto.KindInvalid, e.say("cannot write %s", plain(file)), e.system(err), "").Because(err)
	}
	part, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*.part") // for its owner alone
	if err != nil {
		return failed(err)
	}
	defer func() {
		_ = part.Close()           // again, when all went well
		_ = os.Remove(part.Name()) // it has its name by then
	}()
	to := &meter{w: part}
	info, err := e.fetch(ctx, m, to)
	switch {
	case to.err != nil:
		return failed(to.err)
	case err != nil:
		return err
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return failed(err)
	}
	if err := named(part.Name(), file, force); errors.Is(err, fs.ErrExist) {
		return there
	} else if err != nil {
		return failed(err)
	}
	return e.tellBackup(e.say("backup written to %s", plain(file)), backupDocument{File: file, Size: to.n.Load(), Info: info}, asJSON)
}

// named gives a file its name for good, over no other unless that is meant.
func named(part, file string, force bool) error {
	err := errors.ErrUnsupported
	if !force {
		// A link is never made over something, whoever made that meanwhile.
		err = os.Link(part, file)
		if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err != nil {
		if _, there := os.Lstat(file); there == nil && !force {
			return fs.ErrExist
		}
		if err := os.Rename(part, file); err != nil {
			return err
		}
	}
	if runtime.GOOS == "windows" {
		return nil // a directory cannot be synced there
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
