// Command bench measures a signal server, and prints the figures with the
// machine beside them:
//
//   - relay: messages relayed per CPU second between pairs, 2.5 KB and 250 B,
//     one under way per pair, each delivery answered at once;
//   - idle: memory per connection that has joined a room and says nothing;
//   - setup: time from the second join to the first media frame, direct and
//     through the relay.
//
// The server is a process of its own, with the settings of bench.yaml, and the
// CPU is its utime and stime alone. Absolute figures belong to the machine;
// compare ratios of one run.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("signal", "bin/signal", "the server's program")
	config := flag.String("config", "integration/bench/bench.yaml", "the server's settings")
	only := flag.String("only", "relay,idle,setup", "what to measure")
	pairs := flag.Int("pairs", 200, "relay: rooms of two")
	conns := flag.Int("conns", 2000, "idle: connections")
	calls := flag.Int("calls", 50, "setup: calls of each kind")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := bench{binary: *binary, config: *config}
	fmt.Printf("machine: %d CPUs, %s/%s, %s, %s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), processor())
	for _, what := range strings.Split(*only, ",") {
		var err error
		switch what {
		case "relay":
			err = b.relay(ctx, *pairs)
		case "idle":
			err = b.idle(ctx, *conns)
		case "setup":
			err = b.setup(ctx, *calls)
		default:
			err = fmt.Errorf("-only: %q is none of relay, idle, setup", what)
		}
		if err != nil {
			log.Fatalf("bench: %s: %v", what, err)
		}
	}
}

// A bench starts servers to measure.
type bench struct{ binary, config string }

// processor names the CPU, as Linux does.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
