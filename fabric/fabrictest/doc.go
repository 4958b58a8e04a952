// Package fabrictest tries the two ends of the fabric together: the machines
// of gateway and link in a simulated world that loses, doubles and reorders
// frames and in which either end dies at any moment, and gateway and link
// themselves over a real server and real connections.
//
// It owns tests only. It refuses the real keeper: here a keeper is what its
// protocol promises, so that the tests are of the fabric and nothing else.
package fabrictest
