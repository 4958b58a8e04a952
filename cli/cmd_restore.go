package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/spf13/cobra"
)

// restoreDocument is what a program reads of a restore.
type restoreDocument struct {
	backupDocument
	Data string `json:"data,omitempty"`
}

func newRestoreCommand(e *env) *cobra.Command {
	var data, kept string
	var asJSON bool
	cmd := e.command("restore FILE", e.say("Make a new store of a backup"), func(cmd *cobra.Command, args []string) error {
		named := e.std.Env("BANTO_STORE")
		if kept == "" && data == "" {
			kept = named
		}
		switch {
		case data != "" && kept == "" && named != "":
			// A manager that is started in the same way would use the database.
			return e.wrongUse(cmd, e.say("--data would make a store in that directory, and $BANTO_STORE names a database: unset one of them"))
		case (data == "") == (kept == ""):
			return e.wrongUse(cmd, e.say("say where to: either --data DIRECTORY or --store URL"))
		case data != "":
			abs, err := filepath.Abs(data)
			if err != nil {
				return e.unreadable(data, err)
			}
			data = abs
		}
		return e.restore(cmd.Context(), args[0], app.Options{Data: data, Store: kept, Version: e.std.Version, Exe: e.std.Exe}, asJSON)
	})
	cmd.Long = e.say("Makes a new store of a backup, in a data directory or in a PostgreSQL database that holds none: what is there\nis never written over. No manager may run on it. The manager that starts on it is held: it starts nothing until\nbanto recovery has shown what the hosts know of the time after the backup, and you have confirmed it.")
	cmd.Example = examples("banto restore /backup/banto-2026-11-21.backup --data /var/lib/banto",
		"BANTO_STORE=postgres://banto:…@db/banto \\\n    banto restore /backup/banto-2026-11-21.backup")
	cmd.Args = e.takes(1, 1, "FILE")
	f := cmd.Flags()
	f.StringVar(&data, "data", "", e.say("data `directory` of the manager, without a store in it"))
	f.StringVar(&kept, "store", "", e.say("`URL` of a PostgreSQL database without a store in it ($BANTO_STORE)"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

func (e *env) restore(ctx context.Context, file string, o app.Options, asJSON bool) error {
	at, err := os.Stat(file)
	if err != nil {
		return e.unreadable(file, err)
	}
	var info banto.BackupInfo
	if err := e.during(e.say("restoring %s, %s", plain(file), size(at.Size())), func() (err error) {
		info, err = restoreFile(ctx, o, file)
		return err
	}); err != nil {
		return err
	}
	d := restoreDocument{backupDocument: backupDocument{File: file, Size: at.Size(), Info: info}, Data: o.Data}
	if asJSON {
		return e.document(d)
	}
	if err := e.tellBackup(e.say("restored from %s", plain(file)), d.backupDocument, false); err != nil {
		return err
	}
	return e.print(e.say("Start the manager on it, then look at: banto recovery show. Until you confirm it, it starts nothing.") + "\n")
}
