import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { SignalError, fromFrame, fromResponse, mediaCode } from '../sdk/errors.js';
import { Feed, Target } from '../sdk/events.js';
import { ufragOf, ufragsOf } from '../sdk/candidates.js';
import { Policy, backoff } from '../sdk/retry.js';
import { decode, encode, size } from '../sdk/wire.js';
import { readStats } from '../sdk/driver/watch.js';

const vectors = JSON.parse(readFileSync(new URL('../../signaling/wire/testdata/vectors.json', import.meta.url), 'utf8'));

test('golden vectors: what a server sends is read', () => {
  const accepted = vectors.filter((v) => v.by === 'server' && !v.error);
  assert.ok(accepted.length > 10);
  for (const { name, frame } of accepted) assert.deepEqual(decode(frame), JSON.parse(frame), name);
});

test('golden vectors: what a client sends is written as printed', () => {
  const accepted = vectors.filter((v) => v.by === 'client' && !v.error && v.frame);
  assert.ok(accepted.length > 15);
  for (const { name, frame, canonical = frame } of accepted) {
    const fields = JSON.parse(canonical);
    const shuffled = Object.fromEntries(Object.entries(fields).reverse());
    assert.equal(encode(shuffled), JSON.stringify(fields), name);
  }
});

test('every message of the server has a place in the SDK', () => {
  const sdk = new URL('../sdk/', import.meta.url);
  const source = readdirSync(sdk).filter((name) => name.endsWith('.js')).map((name) => readFileSync(new URL(name, sdk), 'utf8')).join('');
  const byOtherFields = ['ok', 'ice-servers', 'got']; // re, ice and got
  for (const { frame } of vectors.filter((v) => v.by === 'server' && !v.error)) {
    const { type } = JSON.parse(frame);
    assert.ok(byOtherFields.includes(type) || new RegExp(`(case|===) '${type}'`).test(source), `nothing in web/sdk looks at ${type}`);
  }
});

test('what is no frame is refused', () => {
  for (const text of ['', '[]', 'null', '{}', '{"type":1}', '{"type":"ok","seq":1.5}', '{"type":"ok","seq":-1}', '{"type":"ok","n":"1"}', '{"type":"ok","re":1e300}']) {
    assert.throws(() => decode(text), { code: 'bad_message' }, text);
  }
});

test('sizes are bytes', () => assert.equal(size('é☃'), 5));

test('every code of the specification is known, with what to do', () => {
  const protocol = readFileSync(new URL('../../signaling/wire/PROTOCOL.md', import.meta.url), 'utf8');
  const rows = [...protocol.split('<!-- codes')[1].matchAll(/^\| `(\w+)` \|[^|]*\|[^|]*\| (\w+) \|/gm)];
  assert.ok(rows.length > 30);
  for (const [, code, retry] of rows) assert.equal(new SignalError(code, '').retry, retry, code);
});

test('an unknown code is judged by where it came', async () => {
  assert.equal(fromFrame({ code: 'from_the_future', text: 'x' }).retry, 'never');
  for (const [status, retry] of [[418, 'never'], [429, 'after'], [502, 'after']]) {
    const error = await fromResponse(new Response('<html>', { status, headers: { 'retry-after': '2' } }));
    assert.deepEqual([error.code, error.retry, error.status, error.after], ['unreachable', retry, status, 2000]);
  }
});

test('a 401 that is not of a signal server asks for a login as well', async () => {
  for (const body of ['Unauthorized', '{"message":"Unauthorized"}', '{"code":401}']) {
    const error = await fromResponse(new Response(body, { status: 401 }));
    assert.deepEqual([error.code, error.retry, error.status], ['unauthenticated', 'authenticate', 401]);
  }
});

test('media errors', () => {
  const cases = { NotFoundError: 'no_device', NotReadableError: 'device_busy', OverconstrainedError: 'bad_constraints', TypeError: 'bad_constraints', NotAllowedError: 'denied', Strange: 'unsupported' };
  for (const [name, code] of Object.entries(cases)) assert.equal(mediaCode({ name }), code);
  assert.equal(mediaCode({ name: 'NotAllowedError' }, 'prompt'), 'dismissed');
});

test('backoff', () => {
  const delays = Array.from({ length: 40 }, (_, i) => backoff(i + 1, 1));
  assert.deepEqual(delays.slice(0, 7), [0, 500, 1000, 2000, 3000, 3000, 3000]);
  const eager = delays.filter((d) => d <= 3000).reduce((sum, d) => sum + d, 0);
  assert.ok(eager >= 60_000 && eager < 75_000, `${eager} ms, and a session lives for 60 s`);
  assert.equal(delays.at(-1), 15_000);
  assert.equal(backoff(3, 0), 500, 'jitter takes half of it');
});

test('what a server asks for is waited for, as far as a timer can', () => {
  const policy = new Policy(undefined, () => 1);
  assert.equal(policy.next(new SignalError('unavailable', '', { after: 7_000 }), false), 7_000);
  assert.equal(policy.next(new SignalError('unavailable', '', { after: 1e12 }), false), 3_600_000, 'a longer timer would fire at once');
});

test('a slow reader misses nothing', async () => {
  const target = new Target();
  const events = target.events('tick');
  for (let i = 0; i < 3; i++) target.fire('tick', { i });
  const seen = [];
  for await (const { i } of events) {
    seen.push(i);
    if (i === 2) break;
  }
  target.fire('tick', { i: 3 });
  assert.deepEqual([seen, (await events.next()).done], [[0, 1, 2], true]);
});

test('next, and what ends the waiting', async () => {
  const target = new Target();
  const waiting = target.next('tick');
  target.fire('tick', { i: 1 });
  assert.equal((await waiting).i, 1);
  await assert.rejects(target.next('tick', { signal: AbortSignal.abort('why') }), { code: 'aborted', cause: 'why' });
  await assert.rejects(target.next('tick', { timeout: 1 }), { code: 'timeout' });
  const off = target.on('tick', () => assert.fail('removed'));
  off();
  target.fire('tick');
});

test('a feed serves several readers, and ends for all', async () => {
  const feed = new Feed();
  const reading = [feed.next(), feed.next()];
  feed.push(1);
  feed.end();
  assert.deepEqual(await Promise.all(reading), [{ value: 1, done: false }, { value: undefined, done: true }]);
});

test('ufrags', () => {
  assert.deepEqual(ufragsOf('v=0\r\na=ice-ufrag:ab+/\r\na=ice-ufrag:cd \na=ice-ufrag:ab+/'), ['ab+/', 'cd']);
  assert.deepEqual(ufragsOf(undefined), []);
  assert.equal(ufragOf({ usernameFragment: 'x', candidate: '' }), 'x');
  assert.equal(ufragOf({ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag pion1 network-cost 10' }), 'pion1');
  assert.equal(ufragOf({ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host' }), '');
});

test('the path, with and without a transport report', () => {
  const report = (pair, more = []) => new Map([['P', { id: 'P', type: 'candidate-pair', bytesReceived: 7, localCandidateId: 'L', remoteCandidateId: 'R', ...pair }], ['L', { candidateType: 'relay' }], ['R', { candidateType: 'host' }], ...more]);
  assert.deepEqual(readStats(report({ selected: true })), { bytes: 7, path: 'relay' });
  assert.deepEqual(readStats(report({}, [['T', { type: 'transport', selectedCandidatePairId: 'P' }]])), { bytes: 7, path: 'relay' });
  assert.deepEqual(readStats(report({ state: 'waiting' })), { bytes: 7, path: null });
});
