package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

// writerURL tells the test binary to be the manager that is stopped.
const writerURL = "BANTO_TEST_WRITER_URL"

const entries = 40_000 // of one transaction: about 40 MB

// writeForEver commits large transactions and says the number of each, until
// it is deposed, which it says too.
func writeForEver(url string) error {
	ctx := context.Background()
	s, err := postgres.Open(ctx, url, postgres.Options{Holder: "stopped/1"})
	if err != nil {
		return err
	}
	if _, err := s.Take(ctx, store.TakeOver{Holder: "stopped/1", Name: "stopped", After: time.Hour}); err != nil {
		return err
	}
	for i := 1; ; i++ {
		err := s.Write(ctx, func(tx store.Tx) error {
			e := banto.AuditEntry{Object: strconv.Itoa(i), Detail: strings.Repeat("x", 1000)}
			for range entries {
				if err := tx.PutAudit(e); err != nil {
					return err
				}
			}
			return nil
		})
		if errors.Is(err, store.ErrDeposed) {
			fmt.Println("deposed")
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}
