import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORNERS, float, grid, picture, selfFloats } from '../page/layout.js';

/** @param {import('../page/layout.js').Rect[]} rects */
const sizes = (rects) => [...new Set(rects.map((r) => `${r.width}x${r.height}`))];
/** @param {import('../page/layout.js').Rect[]} rects */
const rows = (rects) => [...new Set(rects.map((r) => r.y))].map((y) => rects.filter((r) => r.y === y).length);

for (const { n, w, h, size, shape } of [
  { n: 1, w: 1280, h: 720, size: '1280x720', shape: [1] },
  { n: 2, w: 1280, h: 720, size: '636x720', shape: [2] },
  { n: 3, w: 1280, h: 720, size: '421x526', shape: [3] },
  { n: 4, w: 1280, h: 720, size: '632x355', shape: [2, 2] },
  { n: 5, w: 1280, h: 720, size: '421x355', shape: [3, 2] },
  { n: 6, w: 1280, h: 720, size: '421x355', shape: [3, 3] },
  { n: 2, w: 390, h: 700, size: '390x346', shape: [1, 1] },
  { n: 4, w: 390, h: 700, size: '191x339', shape: [2, 2] },
  { n: 6, w: 390, h: 700, size: '191x228', shape: [2, 2, 2] },
  { n: 6, w: 2560, h: 600, size: '420x525', shape: [6] },
]) {
  test(`${n} in ${w}x${h} are ${size}, in rows of ${shape}`, () => {
    const rects = grid(n, w, h);
    assert.deepEqual(sizes(rects), [size]);
    assert.deepEqual(rows(rects), shape);
  });
}

test('a short last row is centred', () => {
  const rects = grid(5, 1280, 720);
  const last = rects.slice(3);
  assert.ok(Math.abs(last[0].x - (1280 - last[1].x - last[1].width)) <= 1);
});

test('tiles never overlap and never leave the stage', () => {
  for (let n = 1; n <= 6; n++) {
    for (let w = 200; w <= 2600; w += 37) {
      for (let h = 200; h <= 1500; h += 53) check(grid(n, w, h), n, w, h);
    }
  }
});

/** @param {import('../page/layout.js').Rect[]} rects @param {number} n @param {number} w @param {number} h */
function check(rects, n, w, h) {
  const where = `${n} in ${w}x${h}`;
  assert.equal(rects.length, n, where);
  rects.forEach((a, i) => {
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= w && a.y + a.height <= h, `${where}: outside`);
    assert.ok(a.width > 0 && a.height > 0, `${where}: empty`);
    for (const b of rects.slice(i + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert.ok(apart, `${where}: overlap`);
    }
  });
}

test('nobody at all needs no tile', () => assert.deepEqual(grid(0, 1280, 720), []));

test('the own picture floats when alone, and on a phone with up to two others', () => {
  assert.equal(selfFloats(1, 1280), true);
  assert.equal(selfFloats(2, 1280), false);
  assert.equal(selfFloats(3, 390), true);
  assert.equal(selfFloats(4, 390), false);
});

test('the floating picture is inside the stage in every corner', () => {
  for (const [w, h] of [[390, 560], [1280, 600]]) {
    const places = CORNERS.map((corner) => float(corner, w, h));
    assert.equal(new Set(places.map((r) => `${r.x},${r.y}`)).size, 4);
    for (const r of places) assert.ok(r.x > 0 && r.y > 0 && r.x + r.width < w && r.y + r.height < h);
  }
});

for (const { what, video, tile, want } of [
  { what: 'a wide picture in a wide tile', video: [1280, 720], tile: [421, 355], want: { x: 0, y: 0, width: 421, height: 355 } },
  { what: 'a wide picture in an upright tile', video: [1280, 720], tile: [421, 526], want: { x: 0, y: 65, width: 421, height: 395 } },
  { what: 'a phone held upright in a wide tile', video: [720, 1280], tile: [640, 360], want: { x: 151, y: 0, width: 338, height: 360 } },
  { what: 'no frame yet', video: [0, 0], tile: [421, 355], want: { x: 0, y: 0, width: 421, height: 355 } },
]) {
  test(`${what} fills as much as it may`, () => {
    const [vw, vh] = video;
    const [w, h] = tile;
    assert.deepEqual(picture(vw, vh, w, h), want);
  });
}

test('no picture loses more than 40 %, and none leaves its tile', () => {
  for (const video of [16 / 9, 4 / 3, 1, 3 / 4, 9 / 16]) {
    for (let w = 90; w < 1500; w += 61) {
      for (let h = 90; h < 900; h += 47) {
        const r = picture(1000 * video, 1000, w, h);
        const change = video / (r.width / r.height);
        assert.ok(Math.min(change, 1 / change) > 0.6 - 0.01, `${video} in ${w}x${h}`);
        assert.ok(r.x >= 0 && r.y >= 0 && r.x + r.width <= w && r.y + r.height <= h);
        assert.ok(r.width === w || r.height === h, 'as large as it can be');
      }
    }
  }
});
