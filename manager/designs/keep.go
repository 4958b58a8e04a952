package designs

import (
	"context"
	"errors"
	"fmt"

	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// Keep gives how long trackers of the jobnet of that path are kept, by the
// folders that are in use; zero is for ever. The jobnet itself may be gone.
func (d *Designs) Keep(ctx context.Context, path string) (jobnet.Keep, error) {
	what := "cannot tell how long trackers of " + path + " are kept"
	var folders []*jobnet.Folder
	for _, f := range jobnet.FolderChain(path) {
		def, err := d.opt.Store.Definition(ctx, store.KindFolder, f, 0)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return jobnet.Keep{}, failed(what, store.KindFolder, f, fmt.Errorf("cannot read folder %s: %w", f, err))
		}
		doc, _, problems := parseStored(def)
		if len(problems) > 0 {
			return jobnet.Keep{}, invalid(what, problems)
		}
		folders = append(folders, doc.Folder)
	}
	return jobnet.KeepIn(folders), nil
}
