//go:build !race

package signaling_test

const defaultSchedules = 2000
