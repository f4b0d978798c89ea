import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, join } from '../sdk/signal.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { Server } from './fakes/server.mjs';

async function house() {
  const clock = new Clock();
  const server = new Server(clock);
  /** Somebody joins, and everything that happens is noted. */
  const enter = async (name, options = {}) => {
    const entering = join('blue', { env: server.env(seeded(1)), name, ...options });
    await clock.advance(100);
    const room = await entering;
    const events = [];
    for (const type of ['participantjoined', 'participantaway', 'participantback', 'participantleft', 'participantchanged']) {
      room.on(type, ({ participant, reason }) => events.push([type.slice(11), participant.name, ...(reason ? [reason] : [])].join(' ')));
    }
    room.on('statechange', () => events.push(room.state));
    return { room, events, id: room.me.id };
  };
  const cut = (person) => server.sessions.get(person.id).socket.cut();
  return { clock, server, enter, cut };
}

test('who is there, who comes, and who goes', async () => {
  const { clock, enter } = await house();
  const ana = await enter('Ana', { metadata: { colour: 'red' } });
  const bo = await enter('Bo');
  const [seen] = bo.room.participants.values();
  assert.deepEqual([seen.name, seen.metadata, seen.state, seen.id], ['Ana', { colour: 'red' }, 'connecting', ana.id]);
  assert.deepEqual([seen.camera.active, seen.camera.track, seen.microphone.active, seen.path, seen.connection], [false, null, false, null, null]);
  const updated = ana.room.me.update({ name: 'Anna' });
  await clock.advance(1000);
  await updated;
  assert.equal(seen.name, 'Anna');
  await bo.room.leave();
  await clock.advance(100);
  assert.deepEqual(ana.events, ['joined Bo', 'left Bo left']);
  assert.deepEqual(bo.events, ['changed Anna', 'disconnected']);
  assert.deepEqual([bo.room.reason, ana.room.participants.size], ['left', 0]);
});

test('iterating yields who is there, then who comes, and ends with the room', async () => {
  const { clock, enter } = await house();
  await enter('Ana');
  const { room } = await enter('Bo');
  const names = [];
  const reading = (async () => {
    for await (const participant of room) names.push(participant.name);
  })();
  await enter('Cy');
  await clock.settle();
  assert.deepEqual(names, ['Ana', 'Cy']);
  await room.leave();
  await clock.advance(100);
  await reading;
  assert.equal((await room[Symbol.asyncIterator]().next()).done, true);
});

test('away and back, and a blip that nobody hears of', async () => {
  const { clock, server, enter, cut } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  ana.events.length = 0;
  cut(bo);
  await clock.advance(2000);
  assert.deepEqual(ana.events, []);
  server.down = true;
  cut(bo);
  await clock.advance(3000);
  const [seen] = ana.room.participants.values();
  assert.deepEqual([ana.events, seen.state], [['away Bo'], 'away']);
  server.down = false;
  await clock.advance(10_000);
  assert.deepEqual([ana.events, seen.state], [['away Bo', 'back Bo'], 'connecting']);
  assert.deepEqual(bo.events, ['reconnecting', 'connected', 'reconnecting', 'connected']);
});

test('a lost server changes nothing for those who come back', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  const [before] = ana.room.participants.values();
  ana.events.length = bo.events.length = 0;
  server.die();
  await clock.advance(20_000);
  assert.deepEqual(ana.events, ['reconnecting', 'connected']);
  assert.deepEqual(bo.events, ['reconnecting', 'connected']);
  assert.equal([...ana.room.participants.values()][0], before);
  assert.equal(ana.room.me.id, ana.id);
});

test('what is said while the server is away reaches all who come back, whoever is first', async () => {
  for (const loss of ['die', undefined]) {
    for (const late of [0, 1]) {
      const { clock, server, enter } = await house();
      const people = [await enter('Ana'), await enter('Bo')];
      const got = [];
      people[1].room.on('message', ({ data }) => got.push(data));
      server.down = true;
      for (const socket of [...server.sockets]) socket.cut();
      if (loss) server[loss]();
      const said = [people[0].room.send(1)];
      await clock.advance(1000);
      const until = clock.now() + 5000;
      server.refuse = (hello) => (clock.now() < until && hello.resume?.token.includes(people[late].id) ? ['unavailable', 1013] : null);
      server.down = false;
      for (let i = 2; i < 12; i++) {
        said.push(people[0].room.send(i));
        await clock.advance(700);
      }
      await clock.advance(20_000);
      await Promise.all(said);
      assert.deepEqual(got, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], `${loss}, ${people[late].room.me.name} is late`);
    }
  }
});

test('whom a lost server forgot is away for the resume window, then left', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  ana.events.length = 0;
  bo.room.participants.values().next(); // Bo never comes back:
  server.refuse = (hello) => (hello.resume?.token.includes(bo.id) ? ['unavailable', 1013] : null);
  server.die();
  await clock.advance(10_000);
  assert.deepEqual(ana.events, ['reconnecting', 'connected', 'away Bo']);
  await clock.advance(60_000);
  assert.deepEqual(ana.events, ['reconnecting', 'connected', 'away Bo', 'left Bo timeout']);
});

test('a session that is gone comes back as a new peer in the same room', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  server.forgetKeys();
  await clock.advance(20_000);
  assert.notEqual(ana.room.me.id, ana.id);
  assert.equal(ana.room.state, 'connected');
  assert.deepEqual([...ana.room.participants.keys()], [bo.room.me.id]);
  const got = [];
  bo.room.on('message', ({ data }) => got.push(data));
  ana.room.send('again', { to: [...ana.room.participants.values()][0] });
  await clock.advance(100);
  assert.deepEqual(got, ['again']);
});

test('a message to somebody who has left is refused', async () => {
  const { clock, enter } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  const [to] = ana.room.participants.values();
  await bo.room.leave();
  await clock.advance(100);
  await assert.rejects(ana.room.send(1, { to }), { code: 'no_such_peer' });
  await ana.room.leave();
  await assert.rejects(ana.room.send(1), { code: 'closed' });
});

test('one client in two rooms, left one after the other', async () => {
  const { clock, server } = await house();
  const connecting = connect({ env: server.env(seeded(1)) });
  await clock.advance(100);
  const client = await connecting;
  const both = Promise.all([client.join('blue'), client.join('green')]);
  await clock.advance(100);
  const [blue, green] = await both;
  assert.deepEqual([...client.rooms.keys()], ['blue', 'green']);
  const leaving = blue.leave();
  await clock.advance(100);
  await leaving;
  assert.deepEqual([[...client.rooms.keys()], green.state, client.state], [['green'], 'connected', 'connected']);
  await client.close();
  assert.deepEqual([green.state, green.reason, client.state], ['disconnected', 'left', 'disconnected']);
  await assert.rejects(client.join('red'), { code: 'closed' });
});

test('metadata that is too big is refused', async () => {
  const { clock, server } = await house();
  const refused = assert.rejects(join('blue', { env: server.env(seeded(1)), metadata: 'x'.repeat(5000) }), { code: 'too_big' });
  await clock.advance(100);
  await refused;
});

test('who comes back after two servers were lost in a row stays', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  ana.events.length = 0;
  server.refuse = (hello) => (hello.resume?.token.includes(bo.id) ? ['unavailable', 1013] : null);
  server.die();
  await clock.advance(3000); // Bo is away
  server.die();
  await clock.advance(500);
  server.refuse = null;
  await clock.advance(200_000);
  assert.equal(ana.room.participants.size, 1);
  assert.deepEqual(ana.events.filter((e) => e.startsWith('left')), []);
  assert.equal([...ana.room.participants.values()][0].state, 'connecting');
});

test('what could not be said when it ends is told so', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  await enter('Bo');
  server.down = true;
  server.die();
  server.down = false;
  server.refuse = (hello) => (hello.resume && !hello.resume.token.includes(ana.id) ? ['unavailable', 1013] : null);
  await clock.advance(500);
  const [to] = ana.room.participants.values();
  const refused = assert.rejects(ana.room.send('late', { to }), { code: 'closed' });
  await clock.advance(100);
  await ana.room.leave();
  await clock.advance(100);
  await refused;
});

test('joining a room twice at once is one joining, with one end', async () => {
  const { clock, server } = await house();
  const connecting = connect({ env: server.env(seeded(1)) });
  await clock.advance(100);
  const client = await connecting;
  server.full = 'blue';
  const refused = Promise.all([client.join('blue'), client.join('blue')].map((p) => assert.rejects(p, { code: 'room_full' })));
  await clock.advance(100);
  await refused;
  server.full = null;
  const both = Promise.all([client.join('blue'), client.join('blue')]);
  await clock.advance(100);
  const [a, b] = await both;
  assert.deepEqual([a === b, a.state], [true, 'connected']);
});

test('an update that is refused leaves all as it was', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  await assert.rejects(ana.room.me.update({ name: 'Anna', metadata: 'x'.repeat(5000) }), { code: 'too_big' });
  assert.deepEqual([ana.room.me.name, ana.room.me.metadata], ['Ana', undefined]);
  const updated = ana.room.me.update({ metadata: 1 });
  await clock.advance(100);
  await updated;
  server.die();
  await clock.advance(10_000);
  assert.equal(ana.room.state, 'connected');
  assert.equal(bo.room.participants.get(ana.id).metadata, 1);
});

test('why a room is over is told as an error', async () => {
  const { clock, server, enter } = await house();
  const ana = await enter('Ana');
  const errors = [];
  ana.room.on('error', ({ error }) => errors.push([error.code, ana.room.state]));
  server.sessions.get(ana.id).socket.end(4403, 'forbidden');
  await clock.advance(100);
  assert.deepEqual([errors, ana.room.state, ana.room.reason], [[['forbidden', 'connected']], 'disconnected', 'failed']);
});
