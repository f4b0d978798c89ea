//go:build race

package signaling_test

// The race detector makes a schedule ten times as long. The Makefile runs all
// of them without it.
const defaultSchedules = 100
