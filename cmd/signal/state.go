package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stateDirText names the default of --state-dir in the help.
const stateDirText = "$XDG_STATE_HOME/signal, else ~/.local/state/signal"

// keyFile is the file in the state directory that has the key of resume tokens.
const keyFile = "resume.key"

// stateDir is the default of --state-dir.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "signal"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "signal"), nil
}

// loadKey reads the key that is kept in dir ("": the default), and makes it at
// the first start. Whoever can read it can take over sessions: it is for the
// owner only. A usageError means that there is a file, but not with a key.
func loadKey(dir string) (key []byte, file string, err error) {
	if dir == "" {
		if dir, err = stateDir(); err != nil {
			return nil, "", err
		}
	}
	file = filepath.Join(dir, keyFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(dir, file); err == nil || errors.Is(err, fs.ErrExist) { // another process was faster
			text, err = os.ReadFile(file)
		}
	}
	if err != nil {
		return nil, file, err
	}
	key, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) < minSecret {
		return nil, file, badSetting("--state-dir: %s is not a key of %d bytes in base64; delete it, and a new one is made", file, minSecret)
	}
	return key, file, nil
}

// makeKey writes a new key under a name of its own first, so that nobody ever
// reads half of one.
func makeKey(dir, file string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, keyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	key := make([]byte, minSecret)
	rand.Read(key)
	_, err = fmt.Fprintln(temp, base64.StdEncoding.EncodeToString(key))
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Link(temp.Name(), file) // unlike Rename, never over one that exists
}
