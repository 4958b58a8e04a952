package sqlite

import "github.com/bantoops/banto/store/sqltext"

func (t *tx) DeleteTokens(principal, note string) error {
	t.tokens = true
	_, err := t.exec("drop tokens of "+principal, sqltext.DeleteTokens, &principal, &note)
	return err
}
