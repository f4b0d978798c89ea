//go:build !race

package negotiation

const defaultHistories = 100_000
