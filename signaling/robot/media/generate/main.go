// Command generate makes the clips in ../clips: for each sender a VP8 loop
// whose frames carry the sender's name and their number, and an Opus tone.
//
//	go generate ./signaling/robot/media
//
// It needs ffmpeg with libvpx and libopus. Other versions of these encode to
// other bytes; nothing but the committed files depends on which.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

const (
	framesPerSecond = 20 // 50 ms: a whole number of RTP ticks
	seconds         = 4
	frames          = framesPerSecond * seconds
	firstHertz      = 400
	stepHertz       = 150
)

var names = []string{"ana", "ben", "cem", "dee", "eva", "fin"}

func main() {
	dir := flag.String("dir", "clips", "where the clips go")
	flag.Parse()
	for i, name := range names {
		if err := generate(filepath.Join(*dir, name), i, name); err != nil {
			log.Fatalf("generate: %s: %v", name, err)
		}
	}
}

func generate(path string, sender int, name string) error {
	var raw bytes.Buffer
	for k := range frames {
		p := draw(sender, name, k)
		raw.Write(p.Y)
		raw.Write(p.Cb)
		raw.Write(p.Cr)
	}
	if err := ffmpeg(&raw, videoArgs(path+".ivf")...); err != nil {
		return err
	}
	return ffmpeg(nil, audioArgs(path+".ogg", firstHertz+stepHertz*sender)...)
}

// videoArgs: a keyframe each second, so that a receiver that comes late sees
// a picture within one; no alternate reference frames, which are packets that
// are never shown; error resilient, so that a lost frame costs no context.
func videoArgs(out string) []string {
	return []string{
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", width, height),
		"-r", strconv.Itoa(framesPerSecond), "-i", "-",
		"-c:v", "libvpx", "-b:v", "90k", "-g", strconv.Itoa(framesPerSecond),
		"-keyint_min", strconv.Itoa(framesPerSecond), "-auto-alt-ref", "0",
		"-lag-in-frames", "0", "-error-resilient", "1", "-deadline", "good",
		"-cpu-used", "0", "-qmax", "50", "-threads", "1", "-f", "ivf", out,
	}
}

// audioArgs: the tone swells and fades once per loop, over a whisper of noise,
// without which many packets would be the same bytes. It is shorter than the
// loop by the encoder's lookahead, or a packet would be left over; one packet
// to a page, as pion's reader wants.
func audioArgs(out string, hertz int) []string {
	const lookahead = 0.0065
	tone := fmt.Sprintf("aevalsrc=(0.25+0.15*sin(2*PI*t/%d))*sin(2*PI*%d*t)+0.01*(random(0)-0.5):s=48000:d=%v",
		seconds, hertz, seconds-lookahead)
	return []string{
		"-f", "lavfi", "-i", tone, "-c:a", "libopus", "-ac", "1", "-b:a", "16k",
		"-application", "audio", "-frame_duration", "20", "-page_duration", "20000",
		"-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "ogg", out,
	}
}

func ffmpeg(in *bytes.Buffer, args ...string) error {
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-y"}, args...)...)
	if in != nil {
		cmd.Stdin = in
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	return nil
}
