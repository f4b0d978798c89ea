package main

import (
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// number reads a number as limits.md writes it.
func number(t *testing.T, s string) int {
	t.Helper()
	if s == "any number" {
		return 0
	}
	digits, unit, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatalf("%q is no number", s)
	}
	return n * map[string]int{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
}

// TestLimitsHaveTheDefaultsOfTheDocs compares the settings with limits.md, which
// is compared with the core elsewhere.
func TestLimitsHaveTheDefaultsOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../web/docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := reflect.ValueOf(parse(t).Limits)
	found := map[string]bool{"MaxMemory": true} // 0: asks for the memory that there is
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 8 {
			continue
		}
		defaults := strings.Split(strings.TrimSpace(cells[4]), ", ")
		for i, name := range strings.Split(strings.TrimSpace(cells[3]), ", ") {
			setting := settings.FieldByName(name)
			if !setting.IsValid() || name == "MaxMemory" {
				continue
			}
			found[name] = true
			if want := number(t, defaults[i]); int(setting.Int()) != want {
				t.Errorf("%s is %d, in limits.md %d", name, setting.Int(), want)
			}
		}
	}
	for i := range settings.NumField() {
		if name := settings.Type().Field(i).Name; !found[name] {
			t.Errorf("limits.md does not have %s", name)
		}
	}
}
