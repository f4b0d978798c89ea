package signaling

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// limitRow is a row of web/docs/limits.md.
type limitRow struct {
	limit    Limit
	fields   []string
	defaults []string
	code     string
	tests    []string
}

func limitRows(t *testing.T) (rows []limitRow) {
	t.Helper()
	text, err := os.ReadFile("../web/docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "<!-- limits:")
	if !ok {
		t.Fatal("limits.md has no table of limits")
	}
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 {
			t.Fatalf("%d cells in %s", len(cells), line)
		}
		list := func(i int) []string {
			if s := strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", ""); s != "–" {
				return strings.Split(s, ", ")
			}
			return nil
		}
		row := limitRow{limit: Limit(list(0)[0]), fields: list(2), defaults: list(3), tests: list(5)}
		if code := list(4); code != nil {
			row.code = code[0]
		}
		rows = append(rows, row)
	}
	return rows
}

// inDocs is how the table writes the value of a field.
func inDocs(value any) string {
	switch v := value.(type) {
	case time.Duration:
		if v%time.Second == 0 {
			return fmt.Sprintf("%d s", v/time.Second)
		}
		return fmt.Sprintf("%d ms", v/time.Millisecond)
	case int:
		switch {
		case v == 0:
			return "any number"
		case v%(1<<30) == 0:
			return fmt.Sprintf("%d GiB", v>>30)
		case v%(1<<20) == 0:
			return fmt.Sprintf("%d MiB", v>>20)
		case v%(1<<10) == 0:
			return fmt.Sprintf("%d KiB", v>>10)
		}
	}
	return fmt.Sprint(value)
}

func TestLimitsAreDocumented(t *testing.T) {
	defaults := reflect.ValueOf(Config{}.withDefaults())
	tests := testNames(t)
	seen := map[Limit]bool{}
	documented := map[string]bool{}
	for _, row := range limitRows(t) {
		if !slices.Contains(allLimits, row.limit) || seen[row.limit] {
			t.Errorf("%s: no such limit, or twice", row.limit)
		}
		seen[row.limit] = true
		if len(row.fields) != len(row.defaults) {
			t.Errorf("%s: %d fields and %d defaults", row.limit, len(row.fields), len(row.defaults))
			continue
		}
		for i, name := range row.fields {
			documented[name] = true
			field := defaults.FieldByName(name)
			if !field.IsValid() {
				t.Errorf("%s: Config has no field %s", row.limit, name)
				continue
			}
			if want := inDocs(field.Interface()); row.defaults[i] != want {
				t.Errorf("%s: the default of %s is %s, not %s", row.limit, name, want, row.defaults[i])
			}
		}
		if code := wire.Code(row.code); code != "" && code != wire.CodeInternal && code.Info() == wire.CodeInternal.Info() {
			t.Errorf("%s: no code is %s", row.limit, code)
		}
		for _, name := range row.tests {
			if !tests[name] {
				t.Errorf("%s: there is no %s", row.limit, name)
			}
		}
	}
	for _, l := range allLimits {
		if !seen[l] {
			t.Errorf("limit %s has no row in limits.md", l)
		}
	}
	for i := range defaults.NumField() {
		if name := defaults.Type().Field(i).Name; regexp.MustCompile(`^Max|Rate$|Burst$`).MatchString(name) && !documented[name] {
			t.Errorf("Config.%s has no row in limits.md", name)
		}
	}
}

// testNames are the tests of this package and of those that carry it.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range []string{".", "ws", "../cmd/signal"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				names[found[1]] = true
			}
		}
	}
	return names
}
