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

// wholeConn is what a connection of the driver can do.
type wholeConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// lent is a connection that stays open when whoever has it for a while is done.
type lent struct{ wholeConn }

// Close implements driver.Conn.
func (lent) Close() error { return nil }

// lender lends one connection to database/sql.
type lender struct {
	conn   lent
	driver driver.Driver
}

// Connect implements driver.Connector.
func (l lender) Connect(context.Context) (driver.Conn, error) { return l.conn, nil }

// Driver implements driver.Connector.
func (l lender) Driver() driver.Driver { return l.driver }
