//go:build race

package negotiation

// The race detector finds little in code without goroutines, and costs much.
const defaultHistories = 5_000
