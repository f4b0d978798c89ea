package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// A fileResolver gives settings from the file that --config names. kong asks
// it for every flag that is not on the command line.
type fileResolver struct {
	values map[string]string // nil: not read yet
	err    error             // why it cannot be read; kong would blame a flag for it
}

// Validate implements kong.Resolver.
func (r *fileResolver) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (r *fileResolver) Resolve(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" || flag.Name == "help" {
		return nil, nil
	}
	r.load(ctx, parent)
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil // the environment goes before the file
		}
	}
	if value, ok := r.values[flag.Name]; ok {
		return value, nil
	}
	return nil, nil
}

// load reads the file once, if there is one.
func (r *fileResolver) load(ctx *kong.Context, parent *kong.Path) {
	if r.values != nil || r.err != nil {
		return
	}
	r.values = map[string]string{}
	var names []string
	file := ""
	for _, flag := range parent.Flags {
		switch flag.Name {
		case "config":
			file, _ = ctx.FlagValue(flag).(string)
		case "help":
		default:
			names = append(names, flag.Name)
		}
	}
	if file != "" {
		r.values, r.err = readFile(file, names)
	}
}

// readFile reads a YAML file whose keys are names.
func readFile(file string, names []string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	defer f.Close()
	var nodes map[string]yaml.Node
	if err := yaml.NewDecoder(f).Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration file %s: %s", file, strings.Join(strings.Fields(err.Error()), " "))
	}
	values := map[string]string{}
	for key, node := range nodes {
		if !slices.Contains(names, key) {
			return nil, fmt.Errorf("configuration file %s: line %d: no setting is named %q; the names are those of the flags in signal serve --help", file, node.Line, key)
		}
		if values[key], err = scalar(&node); err != nil {
			return nil, fmt.Errorf("configuration file %s: line %d: %s: %w", file, node.Line, key, err)
		}
	}
	return values, nil
}

// scalar is node as it would stand on the command line.
func scalar(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.SequenceNode:
		var parts []string
		for _, element := range node.Content {
			part, err := scalar(element)
			if err != nil {
				return "", err
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("write a value or a list of values")
}
