// Package outputs keeps what attempts print, one file for each attempt, as far
// as the hosts have sent it.
//
// It owns the files below its directory: <tracker>/<number of the attempt>.log,
// and nothing else may write there. It refuses to judge: what an output means
// is told by others, and an attempt that never printed has no file.
//
// Promises: a piece that is written twice, or overlaps what is there, changes
// nothing that is there; a piece that would leave a gap is refused, and the
// size that is there is told; a write that fails leaves the file as it was; a
// bounded number of files is open at any time. Pieces are not forced to disk:
// output that a crash of the machine takes away is a lesser loss than a job
// that waits for it.
package outputs
