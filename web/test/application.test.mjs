import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binary, bytes, connect, join, SignalError } from '../sdk/signal.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { Server } from './fakes/server.mjs';

/** A client, the session that the server has of it, and what the server's application was told. */
async function app(options = {}) {
  const clock = new Clock();
  const server = new Server(clock);
  const events = [];
  server.event = (session, { name, data, id }) => {
    events.push([name, data]);
    if (name === 'double') server.tell(session, { type: 'ok', re: id, data: 2 * data });
    if (name === 'refuse') server.tell(session, { type: 'error', re: id, code: 'shop.closed', text: 'come back' });
    if (name === 'done') server.tell(session, { type: 'ok', re: id });
  };
  const connecting = connect({ env: server.env(seeded(1)), ...options });
  await clock.advance(100);
  const client = await connecting;
  const session = () => server.sessions.get(client.id);
  const replies = () => server.frames.filter(({ type }) => type === 'reply').map(({ id, ack, peer, type, ...rest }) => rest);
  return { clock, server, client, session, events, replies };
}

test('emit resolves with the answer of the application, or rejects with its refusal', async () => {
  const { clock, client, events } = await app();
  const double = client.emit('double', 21);
  const refused = assert.rejects(client.emit('refuse'), { name: 'SignalError', code: 'shop.closed', message: 'come back', retry: 'never' });
  const done = client.emit('done', { deep: [1] });
  await clock.advance(100);
  assert.equal(await double, 42);
  await refused;
  assert.equal(await done, undefined);
  assert.deepEqual(events, [['double', 21], ['refuse', undefined], ['done', { deep: [1] }]]);
});

test('what cannot be sent is refused before it is, and the connection lives', async () => {
  const { clock, client, events } = await app();
  const loop = {};
  loop.loop = loop;
  for (const [name, data, code] of [
    ['', 1, 'bad_message'],
    ['é'.repeat(65), 1, 'bad_message'],
    ['loop', loop, 'bad_message'],
    ['big', 'x'.repeat(65_536), 'too_big'],
    ['bigint', 1n, 'bad_message'],
  ]) {
    await assert.rejects(client.emit(name, data), { code }, name);
  }
  const data = { n: 1 };
  const done = client.emit('done', data);
  data.n = 2; // too late
  await clock.advance(100);
  await done;
  assert.deepEqual(events, [['done', { n: 1 }]]);
  client.close();
  await assert.rejects(client.emit('done'), { code: 'closed' });
});

test('an answer outlives its link, and is not known when the server is lost', async () => {
  const { clock, server, client, session } = await app();
  const slow = client.emit('slow');
  await clock.advance(100);
  session().socket.cut();
  await clock.advance(100);
  const { id } = server.frames.at(-1);
  server.tell(session(), { type: 'ok', re: id, data: 'late' });
  await clock.advance(1000);
  assert.equal(await slow, 'late');

  const lost = assert.rejects(client.emit('slow'), { code: 'outcome_unknown' });
  await clock.advance(100);
  server.die();
  await clock.advance(1000);
  await lost;
});

test('handlers get events in order, and answer those that ask', async () => {
  const got = [];
  const { clock, server, client, session, replies } = await app({ handlers: { motd: ({ data }) => void got.push(data) } });
  const off = client.handle('add', async ({ name, data, room }) => {
    got.push([name, room]);
    if (!Array.isArray(data)) throw new SignalError('bad_message', 'two numbers, please');
    return data[0] + data[1];
  });
  client.handle('fail', () => {
    throw new Error('secret');
  });
  client.handle('huge', () => 'x'.repeat(65_536));
  server.tell(session(), { type: 'event', name: 'motd', data: 'hello' });
  server.tell(session(), { type: 'event', name: 'motd', data: 'again' });
  server.tell(session(), { type: 'event', name: 'add', room: 'blue', rid: 'n.1', data: [1, 2] });
  await clock.advance(100);
  for (const [rid, name] of [['n.2', 'add'], ['n.3', 'fail'], ['n.4', 'huge'], ['n.5', 'unheard'], [undefined, 'unheard']]) {
    server.tell(session(), { type: 'event', name, rid });
    await clock.advance(100);
  }
  off();
  server.tell(session(), { type: 'event', name: 'add', rid: 'n.6' });
  await clock.advance(100);
  assert.deepEqual(got, ['hello', 'again', ['add', 'blue'], ['add', undefined]]);
  assert.deepEqual(replies(), [
    { rid: 'n.1', data: 3 },
    { rid: 'n.2', code: 'bad_message', text: 'two numbers, please' },
    { rid: 'n.3', code: 'internal', text: 'the client has made a mistake' },
    { rid: 'n.4', code: 'too_big', text: 'the data is more than a message may have (65536 bytes)' },
    { rid: 'n.5', code: 'unknown_event', text: 'the client does not handle it' },
    { rid: 'n.6', code: 'unknown_event', text: 'the client does not handle it' },
  ]);
});

test('a room that the server makes it join, and nobody here wants, is left again', async () => {
  const { clock, server, session } = await app();
  server.tell(session(), { type: 'joined', room: 'made', peers: [] });
  await clock.advance(100);
  const { type, room } = server.frames.at(-1);
  assert.deepEqual([type, room], ['leave', 'made']);
});

test('a room that the server makes it join is handed over where that is wanted', async () => {
  const made = [];
  const { clock, server, client, session } = await app({ joined: (room) => void made.push([room.name, room.state, room.participants.size]) });
  server.admit(session(), 'made');
  await clock.advance(100);
  assert.deepEqual(made, [['made', 'connected', 0]]);
  const room = client.rooms.get('made');
  await Promise.all([room.me.update({ name: 'Ann' }), clock.advance(100)]);
  assert.equal(server.frames.findLast(({ type }) => type === 'update').data.name, 'Ann');
  assert.equal(await client.join('made').then((same) => same === room, clock.advance(100)), true);
  assert.deepEqual(server.frames.filter(({ type }) => type === 'leave'), []);
});

test('the client of a room does what goes beyond it, and ends with that room alone', async () => {
  const clock = new Clock();
  const server = new Server(clock);
  server.event = (session, { id, data }) => server.tell(session, { type: 'ok', re: id, data: 2 * data });
  const within = async (promise) => (await Promise.all([promise, clock.advance(100)]))[0];
  const room = await within(join('blue', { env: server.env(seeded(1)) }));
  assert.equal(await within(room.client.emit('double', 21)), 42);
  const other = await within(room.client.join('green'));
  await within(other.leave());
  assert.deepEqual([room.state, room.client.state, other.client === room.client], ['connected', 'connected', true]);
  await within(room.leave());
  assert.equal(room.client.state, 'disconnected');
});

test('a binary value goes as base64, alone in its object', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(bytes(JSON.parse(JSON.stringify(binary(all)))), all);
  assert.deepEqual([binary(all.subarray(1, 3)), binary(new Uint16Array([258]).buffer), binary(new ArrayBuffer())], [{ $bin: 'AQI=' }, { $bin: 'AgE=' }, { $bin: '' }]);
  for (const wrong of [undefined, null, 'AQI=', {}, { $bin: 1 }, { $bin: null }, { $bin: '!' }, { $bin: 'AQI=', more: 1 }]) {
    assert.throws(() => bytes(wrong), { code: 'bad_message' }, JSON.stringify(wrong));
  }
});
