package banto

import "time"

// BackupInfo says what a backup holds.
type BackupInfo struct {
	Format      int       `json:"format" doc:"Of the file"`
	Version     string    `json:"version" doc:"Of the manager that wrote it"`
	Schema      int64     `json:"schema" doc:"Number of the last migration of its store"`
	Incarnation string    `json:"incarnation" doc:"Of the store that it is of; one that is restored gets another"`
	At          time.Time `json:"at" doc:"What was done later is not in it"`
	Rows        int64     `json:"rows,omitempty"`
	Trackers    int64     `json:"trackers,omitempty"`
	Jobnets     int64     `json:"jobnets,omitempty" doc:"In use"`
	Hosts       int64     `json:"hosts,omitempty"`
	Bytes       int64     `json:"bytes,omitempty" doc:"Of the rows, before they are compressed"`
}
