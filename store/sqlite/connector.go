package sqlite

import (
	"context"
	"database/sql/driver"

	sqlite "modernc.org/sqlite"
)

// connector opens connections with a driver of our own making, so that nothing
// hangs on a driver's name in a global table.
type connector struct {
	dsn    string
	driver *sqlite.Driver
}

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c.driver }
