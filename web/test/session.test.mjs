import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, join, SignalError } from '../sdk/signal.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { Server } from './fakes/server.mjs';

function start(options = {}) {
  const clock = new Clock();
  const server = new Server(clock);
  const env = server.env(seeded(1));
  const logged = [];
  const log = (level, what, detail) => logged.push([what, detail]);
  return { clock, server, env, logged, entering: join('blue', { env, log, ...options }) };
}

/** The delays before the attempts to connect. */
const delays = (logged) => logged.filter(([what]) => what === 'retry').map(([, { delay }]) => delay);

test('joining takes one round trip after the upgrade', async () => {
  const { clock, entering, server } = start();
  const before = clock.now();
  let joined = 0;
  entering.then(() => (joined = clock.now()));
  await clock.advance(1000);
  assert.equal(joined - before, 5 + 10); // the upgrade, then hello and join together
  assert.deepEqual(server.hellos, [{ type: 'hello', versions: ['signal.v1'] }]);
});

test('the address: origin, prefix, app', async () => {
  for (const [url, app, want] of [
    [undefined, undefined, 'wss://calls.example/ws'],
    ['http://h:1/base/', 'shop', 'ws://h:1/base/ws?app=shop'],
    ['wss://h/base', undefined, 'wss://h/base/ws'],
  ]) {
    const clock = new Clock();
    const env = new Server(clock).env(seeded(1));
    const urls = [];
    const { WebSocket } = env;
    env.WebSocket = class extends WebSocket {
      constructor(u, protocols) {
        super(u, protocols);
        urls.push(u, ...protocols);
      }
    };
    connect({ env, url, app });
    await clock.advance(100);
    assert.deepEqual(urls, [want, 'signal.v1']);
  }
});

test('a refused upgrade is explained, and is final if the code says so', async () => {
  const { clock, server, entering } = start();
  server.down = true;
  server.answerGet = () => Response.json({ code: 'origin_not_allowed', detail: 'origin "https://x" is not allowed here' }, { status: 403 });
  const refused = assert.rejects(entering, { name: 'SignalError', code: 'origin_not_allowed', status: 403, retry: 'never', message: 'origin "https://x" is not allowed here' });
  await clock.advance(100);
  await refused;
});

test('behind a login, the server is asked with the cookies of the page', async () => {
  const { clock, server, entering } = start();
  server.down = true;
  server.answerGet = (_, { credentials }) => new Response('Unauthorized', { status: credentials === 'same-origin' ? 401 : 500 });
  const refused = assert.rejects(entering, { code: 'unauthenticated', status: 401 });
  await clock.advance(100);
  await refused;
});

test('a full server is asked again after the time it names', async () => {
  const { clock, server, entering, logged } = start();
  server.down = true;
  server.answerGet = () => Response.json({ code: 'unavailable' }, { status: 503, headers: { 'retry-after': '7' } });
  await clock.advance(100);
  server.down = false;
  await clock.advance(8000);
  assert.equal((await entering).state, 'connected');
  assert.deepEqual(delays(logged), [7000]);
});

test('an unreachable server is tried again, ever more slowly and never more than 15 s apart', async () => {
  const { clock, server, entering, logged } = start();
  server.down = true;
  await clock.advance(120_000);
  const found = delays(logged);
  assert.equal(found[0], 0);
  assert.ok(found.every((d) => d <= 15_000) && found.at(-1) >= 7_500);
  assert.ok(found.length < 40);
  server.down = false;
  await clock.advance(15_100);
  assert.equal((await entering).state, 'connected');
});

test('reconnect: false and an own policy', async () => {
  const once = start({ reconnect: false });
  once.server.down = true;
  const refused = assert.rejects(once.entering, { code: 'unreachable' });
  await once.clock.advance(100);
  await refused;

  const asked = [];
  const own = start({ reconnect: (tries, code) => (asked.push([tries, code]), tries < 3 ? 10 : null) });
  own.server.down = true;
  const given = assert.rejects(own.entering, { code: 'unreachable' });
  await own.clock.advance(1000);
  await given;
  assert.deepEqual(asked, [[1, 'unreachable'], [2, 'unreachable'], [3, 'unreachable']]);
});

test('a token function is asked for each connection, and once more after a refusal', async () => {
  let asked = 0;
  const { clock, server, entering } = start({ token: async () => `t${++asked}` });
  server.refuse = ({ token }) => (token === 't1' ? ['unauthenticated', 4401] : null);
  await clock.advance(1000);
  assert.equal((await entering).state, 'connected');
  assert.deepEqual(server.hellos.map((h) => h.token), ['t1', 't2']);

  const fixed = start({ token: 'wrong' });
  fixed.server.refuse = () => ['unauthenticated', 4401];
  const refused = assert.rejects(fixed.entering, { code: 'unauthenticated', retry: 'authenticate' });
  await fixed.clock.advance(1000);
  await refused;
});

test('a room that is full ends what was made for it', async () => {
  const { clock, server, entering } = start();
  server.full = 'blue';
  const refused = assert.rejects(entering, { code: 'room_full' });
  await clock.advance(100);
  await refused;
  assert.equal(server.sockets.size, 0);
});

test('aborting ends it, before and after', async () => {
  const before = new AbortController();
  const early = start({ signal: before.signal });
  const refused = assert.rejects(early.entering, (e) => e instanceof SignalError && e.code === 'aborted' && e.cause === 'why');
  before.abort('why');
  await early.clock.advance(100);
  await refused;

  const after = new AbortController();
  const late = start({ signal: after.signal });
  await late.clock.advance(100);
  const room = await late.entering;
  after.abort();
  await late.clock.advance(100);
  assert.deepEqual([room.state, room.reason, late.server.sessions.size], ['disconnected', 'left', 0]);
});

test('a silent server is dead after 25 s', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  const room = await entering;
  for (const socket of server.sockets) socket.deliver = () => {}; // the network swallows everything
  await clock.advance(24_000);
  assert.equal(room.state, 'connected');
  await clock.advance(3_000);
  assert.equal(room.state, 'connected');
  assert.equal(server.hellos.length, 2);
  assert.ok(server.hellos[1].resume);
});

test('a probe without an answer opens a second link within half a second', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  const room = await entering;
  env.window.dispatchEvent(new Event('online'));
  await clock.advance(600);
  assert.equal(server.hellos.length, 1, 'the link lives');
  for (const socket of server.sockets) socket.deliver = () => {};
  const states = [];
  room.on('statechange', () => states.push(room.state));
  env.window.dispatchEvent(new Event('online'));
  await clock.advance(600);
  assert.equal(server.hellos.length, 2);
  assert.deepEqual(states, [], 'nobody has noticed');
});

test('a second link that is lost before its welcome has replaced nothing', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  const room = await entering;
  const [first] = server.sockets;
  const { deliver, end } = first;
  first.deliver = () => {};
  server.cuts.add(server.messages + 4); // ping, pong, hello: the welcome
  env.window.dispatchEvent(new Event('online'));
  await clock.advance(503);
  deliver.call(first, '{"type":"pong"}'); // it lives after all
  first.end = (...why) => clock.setTimeout(() => end.apply(first, why), 100);
  await clock.advance(60);
  assert.deepEqual([server.hellos.length, server.cuts.size, first.over], [2, 0, false]);
  await clock.advance(3000);
  assert.deepEqual([room.state, server.hellos.length], ['connected', 3]);
  assert.equal(server.hellos[2].resume.nonce, server.hellos[1].resume.nonce);
});

test('waking up is a probe, and a long sleep a dead link', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  await entering;
  clock.sleep(26_000);
  await clock.advance(1_000);
  assert.equal(server.hellos.length, 2);
});

test('online ends the waiting', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  const room = await entering;
  server.down = true;
  for (const socket of [...server.sockets]) socket.cut();
  await clock.advance(40_000);
  server.down = false;
  env.window.dispatchEvent(new Event('online'));
  await clock.advance(50);
  assert.equal(room.state, 'connected');
});

test('a page that is closed says bye', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  await entering;
  env.window.dispatchEvent(new Event('pagehide'));
  await clock.advance(100);
  assert.equal(server.frames.at(-1).type, 'bye');
  assert.equal(server.sessions.size, 0);
});

test('a page that comes back from the cache is a new peer in the same rooms', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  const room = await entering;
  const before = room.me.id;
  env.window.dispatchEvent(new Event('pagehide'));
  await clock.advance(5000);
  assert.equal(server.hellos.length, 1, 'nothing happens in the cache');
  env.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  await clock.advance(100);
  assert.equal(room.state, 'connected');
  assert.notEqual(room.me.id, before);
});

test('a server that stops names the time over which its clients come back', async () => {
  const { clock, server, entering, logged } = start();
  await clock.advance(100);
  const room = await entering;
  const session = server.sessions.get(room.me.id);
  server.tell(session, { type: 'going-away', after: 4000 });
  session.socket.end(1012, 'going_away');
  await clock.advance(5000);
  assert.equal(room.state, 'connected');
  const [delay] = delays(logged);
  assert.ok(delay > 0 && delay < 4000);
});

test('a session taken over elsewhere is over here', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  const room = await entering;
  server.sessions.get(room.me.id).socket.end(4409, 'replaced');
  await clock.advance(60_000);
  assert.deepEqual([room.state, room.reason, server.hellos.length], ['disconnected', 'replaced', 1]);
});

test('an old complaint of the server is not why the network fails later', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  const room = await entering;
  const { socket } = server.sessions.get(room.me.id);
  socket.deliver('{"type":"error","code":"unknown_type","text":"no such type"}');
  await clock.advance(1000);
  socket.cut();
  await clock.advance(1000);
  assert.equal(room.state, 'connected');
});

test('a server that misses a frame gets all again over a new link', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  const room = await entering;
  const session = server.sessions.get(room.me.id);
  session.socket.deliver('{"type":"error","code":"out_of_order","text":"id 9 after 7"}');
  const sent = room.send('x');
  await clock.advance(2000);
  await sent;
  assert.deepEqual([room.state, server.hellos.length], ['connected', 2]);
});

test('the nonce stays until a welcome has come', async () => {
  const { clock, server, env, entering } = start();
  let n = 0;
  env.crypto.getRandomValues = (a) => a.fill(++n);
  await clock.advance(100);
  await entering;
  server.cuts.add(server.messages + 2); // the welcome of the next link
  for (const socket of [...server.sockets]) socket.cut();
  await clock.advance(2000);
  const [, first, second] = server.hellos;
  assert.deepEqual([first.resume.nonce, first.resume.token], [second.resume.nonce, second.resume.token]);
  assert.match(first.resume.nonce, /^[A-Za-z0-9_-]{16,64}$/);
});

test('a hello that is said again has the same nonce with its token, and a new one after a welcome', async () => {
  const { clock, server, env, entering } = start({ token: 't' });
  let n = 0;
  env.crypto.getRandomValues = (a) => a.fill(++n);
  server.cuts.add(3); // hello, join, and the first welcome
  await clock.advance(2000);
  const room = await entering;
  const [first, second] = server.hellos;
  assert.match(first.nonce, /^[A-Za-z0-9_-]{16,64}$/);
  assert.deepEqual([second.nonce, second.resume], [first.nonce, undefined]);
  server.sessions.get(room.me.id).socket.end(4410, 'session_gone');
  await clock.advance(2000);
  const third = server.hellos.at(-1);
  assert.deepEqual([third.resume, third.nonce === first.nonce], [undefined, false]);
  assert.match(third.nonce, /^[A-Za-z0-9_-]{16,64}$/);
});

test('close codes and unknown codes', async () => {
  const { fromClose } = await import('../sdk/errors.js');
  const cases = [
    [{ code: 1006, reason: '' }, 'unreachable', 'now'],
    [{ code: 4430, reason: 'slow_consumer' }, 'slow_consumer', 'now'],
    [{ code: 4430, reason: '' }, 'slow_consumer', 'now'],
    [{ code: 1012, reason: '' }, 'going_away', 'after'],
    [{ code: 4499, reason: 'from_the_future' }, 'from_the_future', 'never'],
    [{ code: 1001, reason: '' }, 'unreachable', 'now'],
  ];
  for (const [event, code, retry] of cases) {
    const error = fromClose(event);
    assert.deepEqual([error.code, error.retry], [code, retry], JSON.stringify(event));
  }
});

test('a server that is back after some seconds is found within three', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  const room = await entering;
  server.down = true;
  server.die();
  await clock.advance(30_000);
  assert.equal(room.state, 'reconnecting');
  server.down = false;
  await clock.advance(3_100);
  assert.equal(room.state, 'connected');
});

test('a dead link whose second link fails too is given up at once', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  const room = await entering;
  for (const socket of server.sockets) socket.deliver = () => {}; // the network has changed under it
  server.down = true;
  env.window.dispatchEvent(new Event('online'));
  await clock.advance(600);
  assert.equal(room.state, 'reconnecting');
  server.down = false;
  await clock.advance(3_000);
  assert.equal(room.state, 'connected');
});

test('a living link outlives a second one that fails', async () => {
  const { clock, server, env, entering } = start();
  await clock.advance(100);
  const room = await entering;
  const [socket] = server.sockets;
  const { deliver } = socket;
  socket.deliver = (text) => clock.setTimeout(() => deliver.call(socket, text), 505); // slow, and alive
  server.down = true;
  env.fetch = () => new Promise((_, reject) => clock.setTimeout(() => reject(new TypeError('fetch failed')), 505));
  env.window.dispatchEvent(new Event('online'));
  await clock.advance(3000);
  assert.deepEqual([room.state, server.sockets.has(socket)], ['connected', true]);
});

test('a server that ends every session is not asked all the time', async () => {
  const { clock, server, entering } = start();
  await clock.advance(100);
  const room = await entering;
  room.on('statechange', () => room.state === 'connected' && server.sessions.get(room.me.id).socket.end(4410, 'session_gone'));
  server.sessions.get(room.me.id).socket.end(4410, 'session_gone');
  await clock.advance(10_000);
  assert.ok(server.hellos.length > 3 && server.hellos.length < 12, `${server.hellos.length} times`);
});

test('leaving before the welcome is a goodbye all the same', async () => {
  const controller = new AbortController();
  const { clock, server, entering } = start({ signal: controller.signal });
  const refused = assert.rejects(entering, { code: 'aborted' });
  await clock.advance(12); // hello and join are there, welcome is on its way
  controller.abort();
  await clock.advance(100);
  await refused;
  assert.deepEqual([server.hellos.length, server.sessions.size], [1, 0]);
});

test('a link that lived is followed by another at once, one that did not by ever later ones', async () => {
  const { clock, server, entering, logged } = start();
  await clock.advance(100);
  await entering;
  const cut = () => [...server.sockets].forEach((socket) => socket.cut());
  for (let i = 0; i < 3; i++) {
    cut();
    await clock.advance(3_000);
  }
  await clock.advance(5_000);
  cut();
  await clock.advance(1_000);
  const found = delays(logged);
  assert.ok(found[0] === 0 && found[1] > 0 && found[2] > found[1] && found[3] === 0, String(found));
});
