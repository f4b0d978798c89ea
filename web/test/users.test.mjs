import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Target } from '../sdk/events.js';
import { SignalError, connect } from '../sdk/signal.js';
import { Users } from '../sdk/users.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { Server } from './fakes/server.mjs';

class FakeRoom extends Target {
  state = 'connected';
  leave() {
    this.state = 'disconnected';
    this.fire('statechange');
  }
}

/** Users over a wire that a test answers by hand. */
function start() {
  const sent = [];
  const events = [];
  const rooms = [];
  const clock = new Clock();
  const users = new Users({
    push: (frame, fate) => sent.push({ frame, fate }),
    enter: async (name, options) => {
      const room = Object.assign(new FakeRoom(), { name, options });
      rooms.push(room);
      return room;
    },
    fire: (type, fields) => events.push({ type, ...fields }),
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
  });
  /** The next frame that was sent, without what is undefined. */
  const next = () => {
    const { frame, fate } = sent.shift() ?? assert.fail('nothing was sent');
    return { frame: JSON.parse(JSON.stringify(frame)), fate };
  };
  const answer = (want, reply = { type: 'ok' }) => {
    const { frame, fate } = next();
    assert.deepEqual(frame, want);
    if (reply instanceof SignalError) fate.fail(reply);
    else fate.ok(reply);
  };
  const invited = (invite, user = 'ana', ttl = 45_000) => users.frame({ type: 'invited', invite, from: 'A', user, name: 'Ana', room: 'call-1', ttl, data: 1 });
  return { users, sent, events, rooms, clock, next, answer, invited };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('a call is rung, accepted and joined, and the caller is busy until it ends', async () => {
  const { users, answer, rooms, sent } = start();
  const call = users.call('ben', { data: { video: true } });
  const states = [];
  call.on('statechange', () => states.push(call.state));
  const joined = call.join({ name: 'Ana' });
  answer({ type: 'invite', user: 'ben', data: { video: true } }, { type: 'ok', invite: 'I' });
  users.frame({ type: 'ringing', invite: 'I', via: 'push' });
  users.frame({ type: 'ringing', invite: 'I', via: 'device' });
  users.frame({ type: 'ringing', invite: 'another', via: 'push' });
  users.frame({ type: 'accepted', invite: 'I', from: 'B', user: 'ben', room: 'call-1' });
  const room = await joined;
  assert.deepEqual([room.name, room.options, call.peer], ['call-1', { name: 'Ana' }, 'B']);
  assert.deepEqual(states, ['woken', 'ringing', 'accepted']);
  answer({ type: 'status', busy: true });
  rooms[0].leave();
  answer({ type: 'status', busy: false });
  assert.equal(sent.length, 0);
});

test('a call that is not taken says why', async () => {
  for (const reason of ['declined', 'busy', 'timeout', 'offline', 'crossed']) {
    const { users, answer, sent } = start();
    const call = users.call('ben');
    const refused = assert.rejects(call.join(), { name: 'SignalError', code: reason });
    answer({ type: 'invite', user: 'ben' }, { type: 'ok', invite: 'I' });
    users.frame({ type: 'declined', invite: 'I', reason });
    await refused;
    assert.deepEqual([call.state, call.reason, sent.length], ['over', reason, 0]);
  }
});

test('a refused invite ends the call with its code', async () => {
  const { users, answer } = start();
  const call = users.call('ben', { room: 'vault', anyway: true });
  const refused = assert.rejects(call.join(), { code: 'forbidden' });
  answer({ type: 'invite', user: 'ben', room: 'vault', anyway: true }, new SignalError('forbidden', 'no'));
  await refused;
});

test('a call is cancelled, also before the server has made it', async () => {
  const { users, answer, next, sent } = start();
  const call = users.call('ben');
  answer({ type: 'invite', user: 'ben' }, { type: 'ok', invite: 'I' });
  call.cancel();
  answer({ type: 'cancel', invite: 'I' });
  const hasty = users.call('ben');
  hasty.cancel();
  assert.equal(sent.length, 1);
  next().fate.ok({ type: 'ok', invite: 'J' });
  answer({ type: 'cancel', invite: 'J' });
  users.frame({ type: 'ringing', invite: 'J', via: 'device' });
  assert.equal(hasty.state, 'over');
});

test('an invitation is accepted: busy before, until the room is over', async () => {
  const { events, answer, invited, rooms, sent } = start();
  invited('I');
  const { type, call } = events[0];
  assert.deepEqual([type, call.user, call.name, call.data, call.state], ['invited', 'ana', 'Ana', 1, 'ringing']);
  const accepted = call.accept({ camera: true });
  answer({ type: 'status', busy: true });
  answer({ type: 'accept', invite: 'I' });
  const room = await accepted;
  assert.deepEqual([room.name, room.options], ['call-1', { camera: true }]);
  rooms[0].leave();
  answer({ type: 'status', busy: false });
  assert.equal(sent.length, 0);
});

test('an invitation that another device took cannot be accepted', async () => {
  const { users, events, answer, invited, sent } = start();
  invited('I');
  const { call } = events[0];
  const late = assert.rejects(call.accept(), { code: 'answered_elsewhere' });
  users.frame({ type: 'cancelled', invite: 'I', reason: 'answered_elsewhere' });
  answer({ type: 'status', busy: true });
  answer({ type: 'accept', invite: 'I' }, new SignalError('invite_over', 'it is over'));
  await late;
  answer({ type: 'status', busy: false });
  await assert.rejects(call.accept(), { code: 'answered_elsewhere' });
  assert.equal(sent.length, 0);
});

test('an invitation is declined', () => {
  const { events, answer, invited } = start();
  invited('I');
  events[0].call.decline('busy');
  answer({ type: 'decline', invite: 'I', reason: 'busy' });
  assert.equal(events[0].call.state, 'over');
});

test('what rings ends by itself a little after its time, if nobody says so', async () => {
  const { events, clock, invited } = start();
  invited('I', 'ana', 45_000);
  await clock.advance(49_999);
  assert.equal(events[0].call.state, 'ringing');
  await clock.advance(1);
  assert.deepEqual([events[0].call.state, events[0].call.reason], ['over', 'timeout']);
});

test('a lost server says invited again: it rings once', () => {
  const { events, invited } = start();
  invited('I');
  invited('I');
  assert.equal(events.length, 1);
});

test('of two who ring each other, the application sees its own call only', async () => {
  const { users, answer, invited, events } = start();
  const call = users.call('ana');
  const joined = call.join();
  answer({ type: 'invite', user: 'ana' }, { type: 'ok', invite: 'J' });
  invited('I');
  users.frame({ type: 'cancelled', invite: 'I', reason: 'crossed' });
  users.frame({ type: 'accepted', invite: 'J', from: 'A', user: 'ana', room: 'call-1' });
  assert.equal((await joined).name, 'call-1');
  assert.equal(events.length, 0);
});

test('an invitation that was held back rings when the own call is over', () => {
  const { users, answer, invited, events } = start();
  users.call('ana');
  answer({ type: 'invite', user: 'ana' }, { type: 'ok', invite: 'J' });
  invited('I');
  invited('K', 'carl');
  assert.deepEqual(events.map(({ call }) => call.user), ['carl']);
  users.frame({ type: 'declined', invite: 'J', reason: 'timeout' });
  assert.deepEqual(events.map(({ call }) => call.user), ['carl', 'ana']);
});

test('missed calls, messages and presence are told', async () => {
  const { users, answer, events } = start();
  const watching = users.watch(['ben', 'carl']);
  answer({ type: 'watch', users: ['ben', 'carl'] });
  await watching;
  assert.deepEqual([...users.presence], [['ben', null], ['carl', null]]);
  users.frame({ type: 'presence', user: 'ben', online: true, busy: false, peers: 2 });
  users.frame({ type: 'presence', user: 'dora', online: true, busy: false, peers: 1 }); // not watched any more
  users.frame({ type: 'message', from: 'B', user: 'ben', data: 'hi' });
  users.frame({ type: 'missed', invite: 'I', from: 'A', user: 'ana', ttl: 60_000 });
  assert.equal(users.frame({ type: 'message', room: 'blue', from: 'B', data: 'hi' }), false);
  const [presence, message, missed] = events;
  assert.deepEqual(presence, { type: 'presence', user: 'ben', presence: { online: true, busy: false, peers: 2 } });
  assert.deepEqual(message, { type: 'usermessage', user: 'ben', from: 'B', data: 'hi' });
  assert.deepEqual([missed.type, missed.ago, missed.call.user, missed.call.state, events.length], ['missed', 60_000, 'ana', 'over', 3]);
});

test('what a lost server forgot is said again, and calls that it carried are over', async () => {
  const { users, answer, events, invited } = start();
  users.watch(['ben', 'carl']);
  answer({ type: 'watch', users: ['ben', 'carl'] });
  users.unwatch(['carl']);
  answer({ type: 'unwatch', users: ['carl'] });
  users.busy(true);
  answer({ type: 'status', busy: true });
  const call = users.call('ben');
  const lost = assert.rejects(call.join(), { code: 'lost' });
  answer({ type: 'invite', user: 'ben' }, { type: 'ok', invite: 'J' });
  invited('I');
  users.lost();
  await lost;
  answer({ type: 'status', busy: true });
  answer({ type: 'watch', users: ['ben'] });
  assert.equal(events[0].call.state, 'ringing'); // its caller may be on another server
  users.over();
  assert.deepEqual([events[0].call.state, events[0].call.reason], ['over', 'closed']);
  await tick();
});

test('a client hands frames about users on, and sends messages to users', async () => {
  const clock = new Clock();
  const server = new Server(clock);
  const connecting = connect({ env: server.env(seeded(1)) });
  await clock.advance(100);
  const client = await connecting;
  const got = [];
  client.on('usermessage', ({ user, data }) => got.push([user, data]));
  const [socket] = server.sockets;
  const session = server.sessions.get(client.id);
  assert.ok(session);
  server.judge = (_, { user }) => user === 'ben'; // it says nothing to that
  client.send('ben', 'tea?');
  client.call('ben');
  await clock.advance(100);
  const types = server.frames.map(({ type, user }) => [type, user]).filter(([type]) => type !== 'ack');
  assert.deepEqual(types.slice(-2), [['message', 'ben'], ['invite', 'ben']]);
  socket.deliver(JSON.stringify({ type: 'message', from: 'B'.repeat(20), user: 'ben', data: 'yes' }));
  await clock.advance(100);
  assert.deepEqual(got, [['ben', 'yes']]);
});

test('who sends to a user that is offline is told, also when the ack was faster', async () => {
  const clock = new Clock();
  const server = new Server(clock);
  const connecting = connect({ env: server.env(seeded(1)) });
  await clock.advance(100);
  const client = await connecting;
  const refuse = (id) => server.tell(server.sessions.get(client.id), { type: 'error', re: id, code: 'offline', text: 'nobody is there' });
  let asked;
  server.judge = (_, { id, data }) => (data === 'now' ? refuse(id) : (asked = id), true);
  const refused = assert.rejects(client.send('ben', 'now'), { code: 'offline' });
  await clock.advance(100);
  await refused;
  const late = client.next('error');
  const sent = client.send('ben', 'later');
  await clock.advance(1100); // a lone ack
  await sent;
  refuse(asked);
  await clock.advance(100);
  assert.equal((await late).error.code, 'offline');
  assert.equal(client.state, 'connected');
});
