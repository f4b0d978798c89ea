import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, join } from '../sdk/signal.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { MediaDevices, Stream, World } from './fakes/rtc.mjs';
import { Server } from './fakes/server.mjs';

function house() {
  const clock = new Clock();
  const server = new Server(clock);
  const world = new World();
  const document = Object.assign(new EventTarget(), { createElement: () => ({ play: async () => {}, remove() { this.removed = true; } }) });
  const env = () => ({ ...server.env(seeded(1)), document, RTCPeerConnection: world.RTCPeerConnection, MediaStream: Stream, navigator: new MediaDevices().navigator });
  const enter = async (name, options = {}) => {
    const entering = join('blue', { env: env(), name, ...options });
    entering.catch(() => {});
    await clock.advance(100);
    const room = await entering;
    await clock.advance(300);
    return room;
  };
  const online = async () => {
    const connecting = connect({ env: env() });
    await clock.advance(100);
    return connecting;
  };
  const session = (who) => server.sessions.get(who.id ?? who.me.id);
  return { clock, server, world, env, enter, online, session };
}

/** Everybody who joins waits. */
const lobby = (server) => (session, { type, id, room, data }) => {
  if (type !== 'join' && type !== 'update') return false;
  session.knocks = data;
  server.tell(session, type === 'join' ? { type: 'waiting', re: id, room, after: 300_000 } : { type: 'ok', re: id });
  return true;
};

/** Answers what a host asks for with ok, and notes it. */
const obey = (server, asked, data) => (session, { id, ack, peer, room, ...frame }) => {
  if (frame.type === 'join' || frame.type === 'offer' || room !== 'blue') return false;
  asked.push(frame);
  server.tell(session, { type: 'ok', re: id, data });
  return true;
};

for (const reason of ['kicked', 'banned', 'ended', 'forbidden', 'left', 'timeout', 'replaced']) {
  test(`whoever is out of the room (${reason}) is closed at once: nothing more is shown or sent`, async () => {
    const { clock, server, world, enter, session } = house();
    const ana = await enter('Ana', { camera: true });
    const eve = await enter('Eve', { camera: true });
    const [seen] = ana.participants.values();
    const [video, { connection }, outlaw, id] = [seen.video(), seen, session(eve), eve.me.id];
    assert.ok(connection && seen.camera.track);
    let told;
    ana.on('participantleft', (event) => { told = [event.reason, connection.connectionState, seen.camera.track, video.srcObject, video.removed]; });
    const before = world.connections.length;
    server.takeOut(outlaw, 'blue', reason);
    await clock.advance(6);
    assert.deepEqual(told, [reason, 'closed', null, null, true]);
    // She does not care, and a server that is late lets some through.
    const sent = server.frames.length;
    for (const frame of [
      { type: 'offer', pc: 9, gen: 1, data: { type: 'offer', sdp: 'v=0\r\na=ice-ufrag:x\r\nm=video 9 RTP 0\r\na=sendrecv\r\n' } },
      { type: 'candidates', pc: 9, ufrag: 'x', data: [{ candidate: 'candidate:1' }] },
      { type: 'message', data: 'still here' },
    ]) server.tell(session(ana), { room: 'blue', from: id, ...frame });
    ana.on('message', () => assert.fail('a message of somebody who is out'));
    await clock.advance(60_000);
    assert.deepEqual(server.frames.slice(sent).filter(({ to }) => to === id), []);
    assert.equal(world.connections.filter((c) => c.connectionState !== 'closed').length, 0);
    assert.equal(world.connections.length, before);
    assert.equal(seen.video().srcObject.getTracks().length, 0);
  });
}

for (const [reason, text, want] of [
  ['kicked', 'mind your words', ['kicked', 'kicked', 'A host has taken you out of the room: “mind your words”', 'mind your words']],
  ['banned', undefined, ['banned', 'banned', 'A host has taken you out of the room, and keeps you out for some time.']],
  ['ended', 'good night', ['ended', 'ended', 'A host has ended it for everybody: “good night”', 'good night']],
  ['forbidden', undefined, ['forbidden', 'forbidden', 'You may not be in this room any more.']],
  ['replaced', undefined, ['replaced']],
  ['eclipsed', undefined, ['failed', 'eclipsed', 'You are out of the room (eclipsed).']],
]) {
  test(`who is taken out (${reason}) hears why, and sends no more`, async () => {
    const { clock, server, world, online, session } = house();
    const client = await online();
    const joining = client.join('blue', { camera: true });
    const other = client.join('green');
    await clock.advance(300);
    const room = await joining;
    await other;
    const errors = [];
    room.on('error', ({ error }) => errors.push(error.code, error.message, ...(error.said ? [error.said] : [])));
    server.takeOut(session(client), 'blue', reason, text);
    await clock.advance(100);
    assert.deepEqual([room.state, room.reason, ...errors], ['disconnected', ...want]);
    assert.deepEqual([[...client.rooms.keys()], client.state], [['green'], 'connected']);
    assert.equal(room.me.camera.active, false);
    assert.ok(world.connections.every((c) => c.connectionState === 'closed'));
    assert.deepEqual(server.frames.filter(({ type }) => type === 'leave'), []); // it is out already
    await assert.rejects(room.kick({ id: 'x', user: null }), { code: 'closed' });
  });
}

test('a join shows password and link, also to another server', async () => {
  const { clock, server, enter } = house();
  const ana = await enter('Ana', { password: 'sesame', link: 'L1' });
  server.die();
  await clock.advance(10_000);
  assert.equal(ana.state, 'connected');
  assert.deepEqual(server.frames.filter(({ type }) => type === 'join').map(({ password, link }) => [password, link]), [['sesame', 'L1'], ['sesame', 'L1']]);
});

for (const code of ['bad_link', 'link_expired', 'link_used']) {
  test(`a link that has ended (${code}) ends no call: it is joined again without`, async () => {
    const { clock, server, enter } = house();
    const ana = await enter('Ana', { password: 'sesame', link: 'L1' });
    ana.on('error', ({ error }) => assert.fail(error));
    server.judge = (session, { type, id, link }) => type === 'join' && link !== undefined && (server.tell(session, { type: 'error', re: id, code, text: 'no' }), true);
    server.die();
    await clock.advance(10_000);
    assert.equal(ana.state, 'connected');
    assert.deepEqual(server.frames.filter(({ type }) => type === 'join').map(({ password, link }) => [password, link]), [['sesame', 'L1'], ['sesame', 'L1'], ['sesame', undefined]]);
  });
}

for (const code of ['room_locked', 'password_required', 'wrong_password', 'banned', 'lobby_full', 'duplicate_identity', 'bad_link', 'link_expired', 'link_used']) {
  test(`a rule that keeps one out (${code}) is final, and the next try is a new one`, async () => {
    const { clock, server, online } = house();
    const client = await online();
    server.judge = (session, { type, id, password }) => type === 'join' && password !== 'right' && (server.tell(session, { type: 'error', re: id, code, text: 'no' }), true);
    const refused = assert.rejects(client.join('blue', { password: 'wrong' }), { code, retry: 'never', message: 'no' });
    await clock.advance(100);
    await refused;
    const again = client.join('blue', { password: 'right' });
    await clock.advance(100);
    assert.equal((await again).state, 'connected');
  });
}

test('a room with a lobby is joined when somebody lets one in', async () => {
  const { clock, server, online, session } = house();
  server.judge = lobby(server);
  const client = await online();
  const waits = [];
  const joining = client.join('blue', { name: 'Gus', waiting: (room, after) => waits.push([room.name, room.state, after]) });
  await clock.advance(100);
  const room = client.rooms.get('blue');
  assert.deepEqual([waits, room.state], [[['blue', 'waiting', 300_000]], 'waiting']);
  room.me.update({ name: 'Gustav' });
  session(client).socket.cut();
  await clock.advance(2000);
  assert.equal(room.state, 'waiting');
  assert.equal(server.frames.findLast(({ type }) => type === 'update').data.name, 'Gustav');
  server.rules = { lobby: true };
  server.admit(session(client), 'blue', session(client).knocks);
  await clock.advance(100);
  assert.equal(await joining, room);
  assert.deepEqual([room.state, room.rules], ['connected', { lobby: true }]);
});

test('who is not let in hears why', async () => {
  const { clock, server, online, session } = house();
  server.judge = lobby(server);
  const client = await online();
  for (const [reason, text, message] of [
    ['denied', 'not today', 'A host did not let you in: “not today”'], ['denied', undefined, 'A host did not let you in.'], ['timeout', undefined, 'Nobody has let you in.'],
    ['banned', undefined, 'You are kept out of this room.'], ['ended', undefined, 'Nobody is in the room any more who could let you in.'],
  ]) {
    const refused = assert.rejects(client.join('blue'), { code: reason, message });
    await clock.advance(100);
    server.tell(session(client), { type: 'denied', room: 'blue', reason, text });
    await clock.advance(100);
    await refused;
    assert.equal(client.rooms.size, 0);
  }
  const gone = assert.rejects(client.join('blue'), { code: 'closed' });
  await clock.advance(100);
  client.rooms.get('blue').leave();
  await gone;
  await clock.advance(100);
  assert.deepEqual(server.frames.filter(({ type }) => type === 'leave').length, 1);
});

test('who has to wait again after a lost server has left', async () => {
  const { clock, server, enter } = house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  const left = [];
  ana.on('participantleft', ({ participant, reason }) => left.push([participant.name, reason]));
  server.judge = lobby(server);
  server.die();
  await clock.advance(10_000);
  assert.deepEqual([ana.state, bo.state, left], ['waiting', 'waiting', [['Bo', 'timeout']]]);
});

test('a host is told who waits', async () => {
  const { clock, server, enter, session } = house();
  const ana = await enter('Ana');
  const events = [];
  ana.on('knock', ({ knocker }) => events.push(['knock', knocker.name, knocker.user, knocker.metadata, knocker.away]));
  ana.on('knockended', ({ knocker, reason }) => events.push([reason, knocker.name]));
  const gus = (name, more) => ({ id: 'GusGusGusGusGusGusGu', offers: false, data: { name }, ...more });
  const tell = async (frame) => {
    server.tell(session(ana), { room: 'blue', ...frame });
    await clock.advance(10);
    return events.splice(0);
  };
  server.setRole(ana.me.id, 'blue', 'host');
  assert.deepEqual(await tell({ type: 'knock', peer: gus('Gus', { user: 'gus' }) }), [['knock', 'Gus', 'gus', undefined, false]]);
  assert.deepEqual(await tell({ type: 'knock', peer: gus('Gustav', { away: true }) }), [['knock', 'Gustav', null, undefined, true]]);
  assert.deepEqual([...ana.knockers.keys()], [gus('').id]);
  assert.deepEqual(await tell({ type: 'knock-ended', from: gus('').id, reason: 'timeout' }), [['timeout', 'Gustav']]);
  await tell({ type: 'knock', peer: gus('Gus') });
  assert.deepEqual(await tell({ type: 'peer-joined', peer: gus('Gus') }), [['admitted', 'Gus']]);
  assert.deepEqual([ana.knockers.size, ana.participants.size], [0, 1]);
  await tell({ type: 'knock', peer: { ...gus('Hal'), id: 'HalHalHalHalHalHalHa' } });
  assert.deepEqual(await tell({ type: 'role', role: 'participant' }), [['lost', 'Hal']]);
});

test('what a host asks for', async () => {
  const { clock, server, enter } = house();
  const ana = await enter('Ana');
  const asked = [];
  server.judge = obey(server, asked, { link: 'L', expires: 5 });
  const [bo, ben] = [{ id: 'B'.repeat(20), user: null }, { id: 'N'.repeat(20), user: 'ben' }];
  server.setRole(ana.me.id, 'blue', 'host');
  await clock.advance(10);
  const done = Promise.all([
    ana.kick(bo), ana.kick(bo, { text: 'why' }), ana.ban(ben, { for: 1000 }), ana.ban('ben', { text: 'why' }), ana.unban(ben), ana.unban('ben'),
    ana.setRules({ locked: true, password: '', capacity: 0 }), ana.setRole(bo, 'viewer'), ana.setRole(ana.me, 'participant'),
    ana.admit(bo), ana.deny(bo, { text: 'why' }), ana.end({ text: 'bye' }), ana.requestMute(bo), ana.requestMute(bo, { microphone: true }),
  ]);
  const link = ana.makeLink({ role: 'host', uses: 1, ttl: 5 });
  await clock.advance(100);
  await done;
  assert.deepEqual(await link, { link: 'L', expires: 5 });
  const [to, toBen, own] = [{ to: bo.id }, { to: ben.id }, { to: ana.me.id }];
  assert.deepEqual(asked, [
    { type: 'kick', ...to }, { type: 'kick', ...to, text: 'why' }, { type: 'ban', ...toBen, for: 1000 }, { type: 'ban', user: 'ben', text: 'why' },
    { type: 'unban', ...toBen }, { type: 'unban', user: 'ben' }, { type: 'unban', user: 'ben' },
    { type: 'set-rules', rules: { locked: true, password: '', capacity: 0 } }, { type: 'set-role', ...to, role: 'viewer' }, { type: 'set-role', ...own, role: 'participant' },
    { type: 'admit', ...to }, { type: 'deny', ...to, text: 'why' }, { type: 'end', text: 'bye' },
    { type: 'mute-request', ...to }, { type: 'mute-request', ...to, data: { microphone: true } }, { type: 'link', role: 'host', uses: 1, ttl: 5 },
  ]);
});

test('who ends it for everybody has done so, though it is out before the answer comes', async () => {
  const { clock, server, enter, session } = house();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  server.judge = (asker, { type, id, text }) => {
    if (type !== 'end') return false;
    for (const who of [ana, bo]) server.takeOut(session(who), 'blue', 'ended', text);
    server.tell(asker, { type: 'ok', re: id });
    return true;
  };
  const ending = ana.end();
  await clock.advance(100);
  await ending;
  assert.deepEqual([ana.reason, bo.reason], ['ended', 'ended']);
});

test('what a host may not do is refused, and harms nothing', async () => {
  const { clock, server, enter } = house();
  const ana = await enter('Ana');
  server.judge = (session, { type, id }) => type === 'kick' && (server.tell(session, { type: 'error', re: id, code: 'forbidden', text: 'no' }), true);
  const bo = { id: 'B'.repeat(20), user: null };
  const refused = assert.rejects(ana.kick(bo), { code: 'forbidden' });
  await clock.advance(100);
  await refused;
  await assert.rejects(ana.requestMute(bo), { code: 'forbidden' });
  await assert.rejects(ana.kick(bo, { text: 'x'.repeat(70_000) }), { code: 'too_big' });
  assert.deepEqual([server.frames.filter(({ type }) => type === 'mute-request'), ana.state], [[], 'connected']);
});

test('roles, rules and mute requests are told', async () => {
  const { clock, server, enter, session } = house();
  server.rules = { locked: true, candidates: 'no-host' };
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  assert.deepEqual([ana.me.role, ana.rules], ['participant', server.rules]);
  const events = [];
  ana.on('role', ({ role, by }) => events.push([role, by?.name ?? null, ana.me.role]));
  ana.on('rules', ({ rules, by }) => events.push([rules, by?.name ?? null, ana.rules === rules]));
  ana.on('muterequest', ({ participant, data }) => events.push([participant.name, data]));
  ana.on('participantchanged', ({ participant }) => events.push([participant.name, participant.role]));
  server.setRole(ana.me.id, 'blue', 'host');
  server.setRole(bo.me.id, 'blue', 'host');
  server.tell(session(ana), { type: 'role', room: 'blue', from: bo.me.id, role: 'viewer' });
  server.tell(session(ana), { type: 'rules', room: 'blue', from: bo.me.id, rules: {} });
  server.tell(session(ana), { type: 'mute-request', room: 'blue', from: bo.me.id, data: { microphone: true } });
  await clock.advance(10);
  assert.deepEqual(events, [['host', null, 'host'], ['Bo', 'host'], ['viewer', 'Bo', 'viewer'], [{}, 'Bo', true], ['Bo', { microphone: true }]]);
});

test('a viewer sends nothing, and what it sends all the same is not played', async () => {
  const { clock, server, enter } = house();
  const ana = await enter('Ana', { camera: true });
  const eve = await enter('Eve', { camera: true });
  const [seen] = ana.participants.values();
  const [{ connection }] = eve.participants.values();
  const camera = () => connection.getTransceivers()[1].sender.track;
  assert.ok(seen.camera.active && seen.camera.track && camera());
  server.setRole(eve.me.id, 'blue', 'viewer');
  await clock.advance(6);
  assert.deepEqual([seen.role, seen.camera.active, seen.camera.track, seen.video().srcObject.getTracks(), camera()], ['viewer', false, null, [], null]);
  await clock.advance(100);
  assert.deepEqual(server.frames.findLast(({ type }) => type === 'update').data.slots, { microphone: 'off', camera: 'off' });
  assert.ok([...eve.participants.values()][0].camera.track, 'a viewer sees');
  server.setRole(eve.me.id, 'blue', 'participant');
  await clock.advance(100);
  assert.ok(seen.camera.active && seen.camera.track && camera());
  assert.equal(server.frames.filter(({ type }) => type === 'offer').length, 1);
});

test('two viewers are no pair, and become one with their roles', async () => {
  const { clock, server, world, enter } = house();
  server.judge = (session, { type }) => type === 'join' && void server.roles.set(session.peer, 'viewer');
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  const [seen] = ana.participants.values();
  const negotiated = () => server.frames.filter(({ type }) => ['offer', 'answer', 'candidates', 'negotiate', 'reject'].includes(type)).length;
  assert.deepEqual([negotiated(), world.connections.length, seen.state, seen.role, ana.me.role], [0, 0, 'connected', 'viewer', 'viewer']);
  server.setRole(bo.me.id, 'blue', 'participant');
  await clock.advance(300);
  assert.deepEqual([seen.state, seen.connection.connectionState], ['connected', 'connected']);
  server.setRole(bo.me.id, 'blue', 'viewer');
  await clock.advance(300);
  const before = negotiated();
  assert.deepEqual([seen.connection, world.connections.map((c) => c.connectionState)], [null, ['closed', 'closed']]);
  server.setRole(ana.me.id, 'blue', 'participant');
  await clock.advance(300);
  assert.equal(seen.connection.connectionState, 'connected');
  assert.ok(negotiated() > before);
  assert.equal(server.frames.findLast(({ type }) => type === 'offer').pc, 2); // the number goes on
});

test("new connections obey the room's candidate policy, or the stricter one of the server", async () => {
  for (const [welcome, room, want] of [[undefined, { candidates: 'relay' }, 'relay'], ['relay', { candidates: 'all' }, 'relay'], ['no-host', { candidates: 'no-host' }, undefined], [undefined, undefined, undefined]]) {
    const { server, world, enter } = house();
    server.candidates = welcome;
    server.rules = room;
    await enter('Ana');
    await enter('Bo');
    assert.deepEqual(world.connections.map((c) => c.configuration.iceTransportPolicy), [want, want]);
  }
  const { clock, server, world, enter, session } = house();
  const ana = await enter('Ana');
  server.tell(session(ana), { type: 'rules', room: 'blue', rules: { candidates: 'relay' } });
  await clock.advance(10);
  await enter('Bo');
  assert.equal(world.connections[0].configuration.iceTransportPolicy, 'relay');
});
