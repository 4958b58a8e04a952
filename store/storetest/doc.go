// Package storetest is the one suite that every store must pass: what the
// contract of package store promises, tried from outside.
//
// It owns no knowledge of any store: a new one calls Exercise from its tests
// and is right when that passes. Records are filled by reflection, so that a
// field added to a record fails here until each store keeps it.
package storetest
