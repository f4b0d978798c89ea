import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../sdk/signal.js';
import { Renewal } from '../sdk/renewal.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { Server } from './fakes/server.mjs';

/** A client with a token function, of a server whose tokens hold for a minute. */
async function start(options = {}) {
  const clock = new Clock();
  const server = new Server(clock);
  server.expires = 60_000;
  const office = { asked: 0, shut: false };
  const token = async () => {
    office.asked++;
    if (office.shut) throw new Error('shut');
    return `t${office.asked}`;
  };
  const env = server.env(seeded(1));
  const connected = connect({ env, token, ...options });
  const entering = connected.then((client) => client.join('blue'));
  await clock.advance(100);
  const client = await connected;
  return { clock, server, office, client, room: await entering };
}

test('a token is renewed before it ends, and the link stays', async () => {
  const { clock, server, office, room } = await start();
  await clock.advance(3_600_000);
  assert.equal(server.hellos.length, 1);
  assert.equal(office.asked, 80); // every 45 s and a way there and back
  assert.deepEqual(server.frames.filter((f) => f.type === 'token').slice(0, 2).map((f) => f.token), ['t2', 't3']);
  assert.equal(room.state, 'connected');
});

test('a token that holds for ever, or is a string, is not renewed', async () => {
  const fixed = await start({ token: 'fixed' });
  await fixed.clock.advance(50_000);
  assert.deepEqual(fixed.server.frames.map((f) => f.type), ['join']);
  const clock = new Clock();
  const server = new Server(clock);
  connect({ env: server.env(seeded(1)), token: async () => 't' });
  await clock.advance(3_600_000);
  assert.equal(server.hellos.length, 1);
  assert.deepEqual(server.frames, []);
});

test('a renewal that fails is tried again before the end', async () => {
  const { clock, server, office } = await start();
  office.shut = true;
  await clock.advance(58_000);
  assert.ok(office.asked >= 3 && office.asked <= 6, `asked ${office.asked} times`);
  office.shut = false;
  await clock.advance(120_000);
  assert.equal(server.hellos.length, 1);
});

test('a token that has ended is replaced by a resume with a new one', async () => {
  const { clock, server, office, room } = await start();
  office.shut = true;
  await clock.advance(70_000);
  assert.equal(room.state, 'reconnecting');
  office.shut = false;
  await clock.advance(20_000);
  assert.equal(room.state, 'connected');
  assert.equal(server.hellos.length, 2);
  assert.ok(server.hellos[1].resume && server.hellos[1].token !== 't1');
  await clock.advance(120_000);
  assert.equal(server.hellos.length, 2);
});

test('a new token that is refused changes nothing until the old one ends, then it is final', async () => {
  const { clock, server, client, room } = await start();
  server.refuse = () => ['unauthenticated', 4401];
  const refused = assert.rejects(client.renew(), { code: 'unauthenticated' });
  await clock.advance(1000);
  await refused;
  assert.equal(room.state, 'connected');
  await clock.advance(60_000);
  assert.equal(room.state, 'disconnected');
  assert.equal(room.reason, 'failed');
  await assert.rejects(client.renew(), { code: 'unauthenticated' });
});

test('who is taken out of a room is told why, and the client goes on', async () => {
  const { clock, server, client, room } = await start();
  const errors = [];
  room.on('error', ({ error }) => errors.push(error.code));
  const [session] = server.sessions.values();
  server.tell(session, { type: 'peer-left', room: 'blue', from: client.id, reason: 'forbidden' });
  await clock.advance(100);
  assert.deepEqual([room.state, room.reason, client.state, client.rooms.size], ['disconnected', 'forbidden', 'connected', 0]);
  assert.deepEqual(errors, ['forbidden']);
  const again = client.join('blue');
  await clock.advance(100);
  assert.equal((await again).state, 'connected');
});

test('a token may hold for longer than a timer can take', async () => {
  const clock = new Clock();
  let renewed = 0;
  const env = { setTimeout: (f, ms) => (assert.ok(ms < 2 ** 31), clock.setTimeout(f, ms)), clearTimeout: clock.clearTimeout, Date: { now: clock.now } };
  const renewal = new Renewal(env, async () => renewed++);
  renewal.expires(100 * 86_400_000);
  await clock.advance(74 * 86_400_000);
  assert.equal(renewed, 0);
  await clock.advance(86_400_000);
  assert.equal(renewed, 1);
  renewal.expires(1000);
  renewal.stop();
  await clock.advance(10_000);
  assert.equal(renewed, 1);
});

test('after the end nothing is renewed', async () => {
  const { clock, server, client, office } = await start();
  await client.close();
  await clock.advance(200_000);
  assert.equal(office.asked, 1);
  assert.equal(server.sockets.size, 0);
});
