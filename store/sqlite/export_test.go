package sqlite

// Unlocked lets a second manager open a directory that is in use, as two
// managers can that share a PostgreSQL.
func (o Options) Unlocked() Options {
	o.unlocked = true
	return o
}

// MaxPages makes a disk that is full once the database has so many pages.
func (o Options) MaxPages(n int) Options {
	o.maxPages = n
	return o
}
