import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../sdk/outbox.js';
import { join } from '../sdk/signal.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { Server } from './fakes/server.mjs';

/** A few people in one room, over one server and one clock. */
async function gather(count, random = seeded(1)) {
  const clock = new Clock();
  const server = new Server(clock);
  const people = [];
  for (let i = 0; i < count; i++) {
    const entering = join('blue', { env: server.env(random), name: `p${i}` });
    await clock.advance(100);
    const room = await entering;
    const got = [];
    room.on('message', ({ participant, data }) => got.push([participant.id, data]));
    people.push({ room, got, id: room.me.id });
  }
  return { clock, server, people };
}

/** What one of them got from another. */
const from = (person, sender) => person.got.filter(([id]) => id === sender.id).map(([, data]) => data);

test('a message reaches its receiver, and only it', async () => {
  const { clock, people: [ana, bo, cy] } = await gather(3);
  const sent = ana.room.send({ hi: 1 }, { to: ana.room.participants.get(bo.id) });
  await clock.advance(2000);
  await sent;
  assert.deepEqual([bo.got, cy.got], [[[ana.id, { hi: 1 }]], []]);
});

test('a link cut at any message loses, doubles and reorders nothing', async () => {
  const talk = async (cut) => {
    const { clock, server, people } = await gather(2);
    const before = server.messages;
    if (cut) server.cuts.add(before + cut);
    const [ana, bo] = people;
    const sends = [];
    for (let i = 0; i < 6; i++) {
      sends.push(ana.room.send(i), bo.room.send(i, { to: bo.room.participants.get(ana.id) }));
      await clock.advance(i * 7);
    }
    await clock.advance(8000);
    await Promise.all(sends);
    assert.deepEqual(from(bo, ana), [0, 1, 2, 3, 4, 5], `cut at ${cut}`);
    assert.deepEqual(from(ana, bo), [0, 1, 2, 3, 4, 5], `cut at ${cut}`);
    assert.equal(ana.room.state, 'connected');
    return server.messages - before;
  };
  const messages = await talk(0);
  assert.ok(messages > 30);
  for (let cut = 1; cut <= messages; cut++) await talk(cut);
});

test('joining survives a cut at any message', async () => {
  for (let cut = 1; cut <= 6; cut++) {
    const clock = new Clock();
    const server = new Server(clock);
    server.cuts.add(cut);
    const entering = join('blue', { env: server.env(seeded(cut)) });
    await clock.advance(5000);
    const room = await entering;
    assert.equal(room.state, 'connected', `cut at ${cut}`);
  }
});

test('whatever is cut and whoever dies, what is sent to one peer arrives once and in order', async () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = seeded(seed);
    const { clock, server, people } = await gather(3, random);
    const count = new Map();
    for (let step = 0; step < 40; step++) {
      const what = random.below(20);
      if (what < 12) {
        const [sender, receiver] = [random.pick(people), random.pick(people)];
        const to = sender.room.participants.get(receiver.id);
        if (to) {
          const key = `${sender.id} ${receiver.id}`;
          count.set(key, (count.get(key) ?? 0) + 1);
          sender.room.send(count.get(key), { to }).catch((error) => assert.fail(error));
        }
      } else if (what < 17) server.cuts.add(server.messages + 1 + random.below(10));
      else if (what === 17) server.die();
      await clock.advance(random.below(3) ? random.below(30) : random.below(3000));
    }
    server.cuts.clear();
    await clock.advance(40_000);
    for (const sender of people) {
      for (const receiver of people) {
        const sent = count.get(`${sender.id} ${receiver.id}`) ?? 0;
        assert.deepEqual(from(receiver, sender), Array.from({ length: sent }, (_, i) => i + 1), `seed ${seed}`);
      }
    }
  }
});

test('a message that the server refuses is refused, and one that nobody has confirmed when its receiver leaves is not', async () => {
  const { clock, server, people: [ana, bo] } = await gather(2);
  const to = ana.room.participants.get(bo.id);
  const errors = [];
  ana.room.on('error', ({ error }) => errors.push([error.code, error.participant]));
  server.judge = (session, { type, id, data }) => type === 'message' && data === 'no' && (server.tell(session, { type: 'error', re: id, code: 'no_such_peer', text: 'gone' }), true);
  const refused = assert.rejects(ana.room.send('no', { to }), { code: 'no_such_peer' });
  await clock.advance(100);
  await refused;
  let late;
  server.judge = (_, { type, id, data }) => type === 'message' && data === 'late' && ((late = id), true);
  await Promise.all([ana.room.send('late', { to }), clock.advance(1500)]);
  server.tell(server.sessions.get(ana.id), { type: 'error', re: late, code: 'no_such_peer', text: 'gone' });
  await clock.advance(100);
  assert.deepEqual(errors, [['no_such_peer', to]]);
  const sent = ana.room.send('yes', { to });
  await clock.advance(20);
  server.takeOut(server.sessions.get(bo.id), 'blue', 'left');
  await clock.advance(2000);
  await sent;
  assert.equal(errors.length, 1);
});

test('a burst keeps below the rate of the server', async () => {
  const { clock, server, people: [ana, bo] } = await gather(2);
  const start = clock.now();
  const sends = Array.from({ length: 400 }, (_, i) => ana.room.send(i));
  await clock.advance(1000);
  assert.ok(bo.got.length <= 200 + 50, `${bo.got.length} messages within a second`);
  await clock.advance(9000);
  await Promise.all(sends);
  assert.deepEqual(from(bo, ana), sends.map((_, i) => i));
  assert.equal(server.hellos.length, 2, 'over one link each');
  assert.ok(clock.now() - start <= 10_000);
});

test('too much is refused before it gets an id', async () => {
  const { clock, people: [ana, bo] } = await gather(2);
  await assert.rejects(ana.room.send('x'.repeat(66_000)), { code: 'too_big', retry: 'never' });
  ana.room.send('fits');
  await clock.advance(100);
  assert.deepEqual(from(bo, ana), ['fits']);
});

test('what the server sends twice is taken once, and a gap is none of it', () => {
  const outbox = new Outbox();
  assert.deepEqual([outbox.received(1, 10), outbox.received(1, 10), outbox.received(2, 10), outbox.received(1, 10)], [true, false, true, false]);
  assert.throws(() => outbox.received(4, 10), { code: 'out_of_order', retry: 'now' });
  assert.equal(outbox.seq, 2);
});

test('a resume names what came, and a gap makes one', async () => {
  const { clock, server, people: [ana, bo] } = await gather(2);
  const session = server.sessions.get(bo.id);
  const had = session.seq - 1;
  session.seq++; // one is lost on the way
  ana.room.send('x');
  session.outbox.push({ seq: had + 1, type: 'peer-away', room: 'blue', from: ana.id });
  await clock.advance(1000);
  assert.deepEqual(server.hellos.filter((h) => h.resume).map((h) => h.resume.seq), [had]);
  assert.deepEqual(from(bo, ana), ['x']);
});

test('a ping is answered at once, and so are 32 frames', async () => {
  const { clock, server, people: [ana, bo] } = await gather(2);
  await clock.advance(3000);
  const heard = [];
  const { receive } = server;
  server.receive = function (socket, text) {
    if (socket.session?.peer === bo.id) heard.push(JSON.parse(text));
    receive.call(this, socket, text);
  };
  server.sessions.get(bo.id).socket.deliver('{"type":"ping"}');
  await clock.advance(20);
  assert.deepEqual(heard, [{ type: 'pong' }]);
  const { seq } = server.sessions.get(bo.id);
  for (let i = 0; i < 32; i++) ana.room.send(i);
  await clock.advance(50);
  assert.deepEqual(heard.slice(1), [{ ack: seq + 31, type: 'ack' }]);
});
