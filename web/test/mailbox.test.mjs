import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox } from '../sdk/mailbox.js';
import { Clock, seeded } from './fakes/clock.mjs';

/** Two mailboxes over servers that may die with what they have taken. */
class Pair {
  constructor(clock) {
    this.clock = clock;
    this.wires = [[], []];
    this.got = [[], []];
    this.boxes = [0, 1].map((i) => new Mailbox(`peer${1 - i}`, {
      post: (frame, fate) => {
        this.wires[1 - i].push({ frame: structuredClone(frame), fate });
      },
      later: (f, ms) => {
        const timer = clock.setTimeout(f, ms);
        return () => clock.clearTimeout(timer);
      },
    }));
  }

  /** The next frame for i arrives. */
  deliver(i) {
    const next = this.wires[i].shift();
    if (!next) return false;
    next.fate.ok?.();
    for (const frame of this.boxes[i].receive(next.frame, 100)) this.got[i].push(frame.data);
    return true;
  }

  /** The next frame for i is refused. */
  refuse(i) {
    const at = this.wires[i].findIndex(({ frame }) => frame.n !== undefined);
    if (at < 0) return undefined;
    const [{ frame, fate }] = this.wires[i].splice(at, 1);
    fate.fail({ code: 'no_such_peer' });
    return frame.data;
  }

  /** A server dies: what it had is gone, and both sides know. */
  die() {
    const lost = this.wires.flat();
    this.wires = [[], []];
    for (const { fate } of lost) fate.fail?.({ code: 'outcome_unknown' });
    for (const box of this.boxes) box.hold();
    for (const box of this.boxes) box.resend('blue');
  }

  async rest() {
    for (let i = 0; i < 50; i++) {
      while (this.deliver(0) || this.deliver(1));
      await this.clock.advance(1000);
    }
  }
}

test('random histories: each message once, in order, whatever dies or is refused', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const pair = new Pair(new Clock());
    const sent = [[], []];
    const refused = new Set(); // these may have arrived all the same, before they were sent again
    for (let step = 0; step < 120; step++) {
      const i = random.below(2);
      const what = random.below(20);
      if (what < 9) {
        sent[1 - i].push(step);
        pair.boxes[i].put({ type: 'message', room: 'blue', data: step }, random.below(5) ? 100 : 100_000);
      } else if (what < 17) pair.deliver(i);
      else if (what === 17) {
        refused.add(pair.refuse(i));
      } else if (what === 18) pair.die();
      else await pair.clock.advance(random.below(2000));
    }
    await pair.rest();
    for (const i of [0, 1]) {
      const wanted = sent[i].filter((data) => !refused.has(data) || pair.got[i].includes(data));
      assert.deepEqual(pair.got[i], wanted, `seed ${seed}`);
    }
  }
});

test('a got alone comes within a second or sixteen frames, and calls for none', async () => {
  const clock = new Clock();
  const pair = new Pair(clock);
  pair.boxes[0].put({ type: 'message', room: 'blue', data: 1 }, 10);
  pair.deliver(1);
  await clock.advance(999);
  assert.equal(pair.wires[0].length, 0);
  await clock.advance(1);
  assert.deepEqual(pair.wires[0].map((w) => w.frame), [{ type: 'got', room: 'blue', to: 'peer0', got: 1 }].map((f) => structuredClone({ ...f, base: undefined })));
  for (let i = 0; i < 16; i++) pair.boxes[0].put({ type: 'message', room: 'blue', data: i }, 10);
  while (pair.deliver(1));
  assert.equal(pair.wires[0].at(-1).frame.got, 17);
  while (pair.deliver(0));
  await clock.advance(60_000);
  assert.deepEqual(pair.wires, [[], []]);
});

test('what is not confirmed is bounded, and the rest waits', () => {
  const pair = new Pair(new Clock());
  for (let i = 0; i < 10; i++) pair.boxes[0].put({ type: 'message', room: 'blue', data: i }, 100_000);
  assert.equal(pair.wires[1].length, 2);
  pair.deliver(1);
  pair.boxes[1].put({ type: 'message', room: 'blue', data: 'thanks' }, 10);
  pair.deliver(0);
  assert.equal(pair.wires[1].length, 2);
});

test('after giving up, base tells the other side not to wait', async () => {
  const clock = new Clock();
  const pair = new Pair(clock);
  const failed = [];
  pair.boxes[0].put({ type: 'message', room: 'blue', data: 'lost' }, 10, { fail: ({ code }) => failed.push(code) });
  pair.wires[1] = [];
  pair.boxes[0].giveUp();
  pair.boxes[0].put({ type: 'message', room: 'blue', data: 'next' }, 10);
  assert.equal(pair.wires[1][0].frame.base, 2);
  pair.deliver(1);
  assert.deepEqual([pair.got[1], failed], [['next'], ['no_such_peer']]);
});

test('a base that moves us on is confirmed, also when it brings nothing', async () => {
  const clock = new Clock();
  const sent = [];
  const box = new Mailbox('peer', {
    post: (frame) => sent.push(frame),
    later: (f, ms) => {
      const timer = clock.setTimeout(f, ms);
      return () => clock.clearTimeout(timer);
    },
  });
  assert.deepEqual(box.receive({ type: 'got', room: 'blue', got: 0, base: 4 }, 100), []);
  await clock.advance(1000);
  assert.deepEqual(sent.map(({ type, got, n }) => ({ type, got, n })), [{ type: 'got', got: 3, n: undefined }]);
  box.receive({ type: 'got', room: 'blue', got: 0, base: 4 }, 100);
  await clock.advance(5000);
  assert.equal(sent.length, 1, 'a got that moved nothing calls for no got');
});

test('what comes too early waits, once each, and is bounded in bytes', () => {
  const [box] = new Pair(new Clock()).boxes;
  const early = (n, size) => box.receive({ type: 'message', room: 'blue', from: 'peer1', n, data: n }, size).map((f) => f.data);
  for (let i = 0; i < 5; i++) assert.deepEqual(early(2, 100_000), []);
  early(3, 100_000);
  early(4, 100_000); // above 256 KiB: it is sent again, and has its turn then
  assert.deepEqual(early(1, 10), [1, 2, 3]);
  assert.deepEqual(early(4, 100_000), [4]);
  assert.deepEqual(early(4, 100_000), []);
});

test('while the first frame is missing, nothing is confirmed', async () => {
  const clock = new Clock();
  const pair = new Pair(clock);
  const [, box] = pair.boxes;
  const frame = (n) => ({ type: 'message', room: 'blue', from: 'peer0', n, data: n });
  for (let n = 2; n < 40; n++) assert.deepEqual(box.receive(frame(n), 100), []);
  await clock.advance(10_000);
  assert.deepEqual(pair.wires[0], []);
  assert.equal(box.receive(frame(1), 100).length, 39);
  await clock.advance(1000);
  assert.deepEqual(pair.wires[0].map((w) => w.frame), [{ type: 'got', room: 'blue', to: 'peer0', got: 39, base: undefined }]);
});
