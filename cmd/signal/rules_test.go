package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// core is what the settings make of the core.
func core(t *testing.T, args ...string) (core signaling.Config) {
	t.Helper()
	c := parse(t, args...)
	c.Rules.apply(&core)
	c.Times.apply(&core)
	c.Limits.apply(&core)
	return core
}

// The command sets every number and time of the core that means something without
// Go, each by the setting of that name.
func TestEveryNumberOfTheCoreCanBeSet(t *testing.T) {
	elsewhere := map[string]bool{
		"ResumeWindow": true, // beside the key of resume tokens
		"MaxApps":      true, // there are none but default
		"MaxAppLinks":  true, "MaxAppSessions": true,
	}
	defaults := reflect.ValueOf(core(t))
	words := regexp.MustCompile(`IP|SDP|[A-Z][a-z]+`)
	for i := range defaults.NumField() {
		field := defaults.Type().Field(i)
		if elsewhere[field.Name] || field.Type.Kind() != reflect.Int && field.Type != reflect.TypeFor[time.Duration]() {
			continue
		}
		flag := "--" + strings.ToLower(strings.Join(words.FindAllString(field.Name, -1), "-"))
		value, want := "16777217", int64(16<<20+1)
		if field.Type.Kind() == reflect.Int64 {
			value, want = "11s", int64(11*time.Second)
		}
		if got := reflect.ValueOf(core(t, flag, value)).Field(i).Int(); got != want {
			t.Errorf("%s %s makes %s %d", flag, value, field.Name, got)
		}
	}
}

func TestDuplicatesAreSet(t *testing.T) {
	for args, want := range map[string]signaling.Duplicates{
		"":                   {},
		"--max-user-peers 2": {Max: 2},
		"--max-user-peers 1 --duplicates replace": {Max: 1, Replace: true},
	} {
		if got := core(t, strings.Fields(args)...).Duplicates; got != want {
			t.Errorf("%q: %+v, want %+v", args, got, want)
		}
	}
	if got := core(t, "--auth-delay", "0s").AuthDelay; got >= 0 {
		t.Errorf("no delay is %v, which means the default", got)
	}
}
