package main

import (
	"fmt"
	"image"

	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
)

const (
	width  = media.Width
	height = media.Height

	black, dark, white = 16, 60, 235 // luma, limited range
	neutral            = 128         // chroma
	grain              = 40          // range of the background's luma
	block              = 16          // side of a block of the strip
)

// tints are the senders' backgrounds (Cb, Cr): a person sees at a glance that
// two tiles of a page show the same sender.
var tints = [][2]byte{{90, 110}, {160, 100}, {110, 160}, {150, 150}, {100, 90}, {128, 180}}

// glyphs is a font of 5x7 dots for what the clips say.
var glyphs = map[rune][7]byte{
	'0': {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}, '1': {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
	'2': {0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f}, '3': {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e},
	'4': {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}, '5': {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e},
	'6': {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}, '7': {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
	'8': {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}, '9': {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c},
	'a': {0x0e, 0x11, 0x11, 0x11, 0x1f, 0x11, 0x11}, 'b': {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e},
	'c': {0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e}, 'd': {0x1c, 0x12, 0x11, 0x11, 0x11, 0x12, 0x1c},
	'e': {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f}, 'f': {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10},
	'i': {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}, 'm': {0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11},
	'n': {0x11, 0x11, 0x19, 0x15, 0x13, 0x11, 0x11}, 'v': {0x11, 0x11, 0x11, 0x11, 0x11, 0x0a, 0x04},
}

func draw(sender int, name string, k int) *image.YCbCr {
	p := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	texture(p, sender)
	for i := range p.Cb {
		p.Cb[i], p.Cr[i] = tints[sender][0], tints[sender][1]
	}
	text(p, 12, 10, 6, name)
	text(p, 76, 60, 8, fmt.Sprintf("%03d", k))
	x := k * (width - 8) / (frames - 1)
	fill(p, image.Rect(x, 118, x+8, 124), white) // moves, so that a frozen picture is seen to be one
	strip(p, sender, k)
	return p
}

// texture covers the background with grain that stands still: keyframes come
// to several RTP packets each, as a camera's do, and the others stay small.
func texture(p *image.YCbCr, sender int) {
	state := uint32(sender + 1)
	for y := 0; y < height; y += 4 {
		for x := 0; x < width; x += 4 {
			state = state*1664525 + 1013904223
			fill(p, image.Rect(x, y, x+4, y+4), dark-grain/2+byte(state>>24)%grain)
		}
	}
}

func strip(p *image.YCbCr, sender, k int) {
	for i, bit := range media.StripBits(sender, k) {
		luma := byte(black)
		if bit {
			luma = white
		}
		fill(p, image.Rect(i*block, height-block, (i+1)*block, height), luma)
	}
	for i := p.COffset(0, height-block); i < len(p.Cb); i++ {
		p.Cb[i], p.Cr[i] = neutral, neutral
	}
}

func text(p *image.YCbCr, x, y, scale int, s string) {
	for _, r := range s {
		for row, dots := range glyphs[r] {
			for col := range 5 {
				if dots>>(4-col)&1 == 1 {
					at := image.Pt(x+col*scale, y+row*scale)
					fill(p, image.Rectangle{Min: at, Max: at.Add(image.Pt(scale, scale))}, white)
				}
			}
		}
		x += 6 * scale
	}
}

func fill(p *image.YCbCr, r image.Rectangle, luma byte) {
	r = r.Intersect(p.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p.Y[p.YOffset(x, y)] = luma
		}
	}
}
