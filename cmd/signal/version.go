package main

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

// Run prints the version that the Go tool built in.
func (versionCmd) Run(env *environment) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	_, err := fmt.Fprintln(env.stdout, versionLine(info))
	return err
}

func versionLine(info *debug.BuildInfo) string {
	line := "signal " + info.Main.Version
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		line = "signal (built from a checkout)"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		line += " " + revision[:min(len(revision), 12)]
	}
	if settings["vcs.modified"] == "true" {
		line += " modified"
	}
	return fmt.Sprintf("%s %s %s/%s", line, info.GoVersion, settings["GOOS"], settings["GOARCH"])
}
