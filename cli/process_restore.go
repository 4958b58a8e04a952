package cli

import (
	"context"
	"io"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
)

// verifyFile reads the file of a backup to its end, and says what it holds.
func verifyFile(ctx context.Context, file string) (banto.BackupInfo, error) {
	return app.VerifyBackup(ctx, file)
}

// verifyStream does so with a backup that is still coming.
func verifyStream(r io.Reader) (banto.BackupInfo, error) { return app.CheckBackup(r) }

// restoreFile makes a new store of the file of a backup.
func restoreFile(ctx context.Context, o app.Options, file string) (banto.BackupInfo, error) {
	return app.Restore(ctx, o, file)
}
