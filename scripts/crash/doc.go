// Package crash holds what tries to lose a job, or to run one twice: real
// processes on one machine, killed at random moments while thousands of jobs
// each append a line to a file. In the end every line is there, once, and every
// tracker has ended.
//
// `make crash` and `make takeover` run many rounds of many jobs; in the tests of
// every change there are few of few. A round says its seed.
package crash
