import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, join } from '../sdk/signal.js';
import { readSlots } from '../sdk/slots.js';
import { Clock, seeded } from './fakes/clock.mjs';
import { MediaDevices, Stream, Track, World } from './fakes/rtc.mjs';
import { Server } from './fakes/server.mjs';

function studio() {
  const clock = new Clock();
  const server = new Server(clock);
  const world = new World();
  const enter = async (name, options = {}, more = {}) => {
    const devices = new MediaDevices();
    const env = { ...server.env(seeded(1)), RTCPeerConnection: world.RTCPeerConnection, MediaStream: Stream, navigator: devices.navigator, ...more };
    const entering = join('blue', { env, name, ...options });
    await clock.advance(50);
    const room = await entering;
    await clock.advance(200);
    return { room, devices, id: room.me.id, errors: [] };
  };
  const offers = () => server.frames.filter((f) => f.type === 'offer').length;
  const only = (person) => [...person.room.participants.values()][0];
  return { clock, server, world, enter, offers, only };
}

test('two people are connected by one offer, with candidates in few frames', async () => {
  const { server, enter, offers, only } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  assert.deepEqual([only(ana).state, only(bo).state, offers()], ['connected', 'connected', 1]);
  assert.ok(server.frames.filter((f) => f.type === 'candidates').length <= 4);
  assert.deepEqual([only(ana).connection.candidates, only(bo).connection.candidates], [3, 3]);
  assert.equal(only(ana).connection.configuration.bundlePolicy, 'max-bundle');
  assert.deepEqual(only(ana).connection.configuration.iceServers, [{ urls: ['stun:stun.example'] }]);
});

test('starting, muting, changing and stopping a camera never renegotiates, and is told', async () => {
  const { clock, enter, offers, only } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  const changes = [];
  only(bo).on('trackchange', () => changes.push([only(bo).camera.active, only(bo).camera.muted]));
  for (let i = 0; i < 20; i++) {
    await ana.room.me.camera.start({ deviceId: { exact: `cam${i % 2}` } });
    await clock.advance(1100);
    const sent = only(ana).connection.getTransceivers()[1].sender.track;
    assert.equal(sent, ana.room.me.camera.track);
    assert.equal(ana.room.me.camera.deviceId, `cam${i % 2}`);
  }
  ana.room.me.camera.mute();
  await clock.advance(1100);
  ana.room.me.camera.stop();
  await clock.advance(1100);
  assert.deepEqual(changes, [[true, false], [true, true], [false, true].map(() => false)]);
  assert.equal(only(ana).connection.getTransceivers()[1].sender.track, null);
  assert.equal(offers(), 1);
});

test('who answers sends on the same m-lines', async () => {
  const { clock, enter, offers, only } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo', { camera: true, microphone: true });
  await clock.advance(1000);
  const [microphone, camera] = only(bo).connection.getTransceivers();
  assert.deepEqual([microphone.sender.track, camera.sender.track], [bo.room.me.microphone.track, bo.room.me.camera.track]);
  assert.deepEqual([microphone.currentDirection, camera.currentDirection], ['sendrecv', 'sendrecv']);
  assert.deepEqual([only(ana).camera.active, only(ana).microphone.active, offers()], [true, true, 1]);
  assert.ok(only(ana).camera.track && only(ana).camera.stream.getTracks().length === 1);
  assert.deepEqual(bo.devices.asked, ['audio+video']);
});

for (const [who, index] of [['the side that offers', 0], ['the side that answers', 1]]) {
  test(`media that stands still restarts ICE within two seconds, seen by ${who}`, async () => {
    const { clock, enter, offers, only, world } = studio();
    const people = [await enter('Ana', { camera: true }), await enter('Bo', { camera: true })];
    await clock.advance(3000);
    assert.equal(offers(), 1);
    const states = [];
    only(people[index]).on('statechange', () => states.push(only(people[index]).state));
    const ufrags = () => world.connections.map((c) => c.localDescription.sdp.match(/ufrag:(\w+)/)[1]);
    const before = ufrags();
    const configurations = world.connections.map((c) => c.configuration);
    world.connections[index].flows = false;
    await clock.advance(2250);
    assert.equal(offers(), 2);
    assert.ok(ufrags().every((u, i) => u !== before[i]), 'new credentials at both sides');
    assert.ok(world.connections.every((c, i) => c.configuration !== configurations[i]), 'with the ICE servers of now');
    world.connections[index].flows = true;
    await clock.advance(1000);
    assert.equal(world.connections.length, 2, 'the same connection');
    assert.deepEqual(states, ['reconnecting', 'connected']);
    assert.equal(only(people[0]).path, 'direct');
  });
}

test('media that stands still is told at once, also while there is no link to repair it over', async () => {
  const { clock, server, world, enter, offers, only } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo', { camera: true });
  await clock.advance(3000);
  const states = [];
  only(ana).on('statechange', () => states.push(only(ana).state));
  server.down = true;
  server.sessions.get(ana.id).socket.cut();
  await clock.advance(1000);
  world.connections[0].flows = false;
  const { sdp } = world.connections[0].localDescription;
  await clock.advance(2250);
  assert.deepEqual([states, ana.room.state, offers()], [['reconnecting'], 'reconnecting', 1]);
  assert.equal(world.connections[0].localDescription.sdp, sdp, 'no offer is made for nobody');
  world.connections[0].flows = true;
  await clock.advance(1000);
  assert.deepEqual([states, bo.room.state], [['reconnecting', 'connected'], 'connected']);
});

test('who turns everything off is not reconnecting for ever', async () => {
  const { clock, world, enter, only } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo', { camera: true });
  await clock.advance(3000);
  for (const connection of world.connections) connection.flows = false;
  await clock.advance(2250);
  assert.equal(only(ana).state, 'reconnecting');
  bo.room.me.camera.stop();
  await clock.advance(2000);
  assert.equal(only(ana).state, 'connected');
});

test('a connection that the browser refuses to make is a failure of this participant alone', async () => {
  const { clock, enter, only } = studio();
  const ana = await enter('Ana', {}, { RTCPeerConnection: class { constructor() { throw new Error('too many'); } } });
  const errors = [];
  ana.room.on('error', ({ error }) => errors.push([error.code, error.cause, error.participant]));
  await enter('Bo');
  assert.deepEqual(errors, [['ice_failed', 'Error: too many', only(ana)]]);
  assert.deepEqual([ana.room.state, only(ana).state], ['connected', 'connecting']);
  const seen = [];
  ana.room.on('participantjoined', ({ participant }) => seen.push(participant.name));
  await enter('Cy');
  await clock.advance(100);
  assert.deepEqual(seen, ['Cy']);
});

test('nothing is restarted while no media is expected, or the other is away', async () => {
  const { clock, server, world, enter, offers } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  await clock.advance(20_000);
  assert.equal(offers(), 1, 'nobody sends anything');
  await bo.room.me.camera.start();
  await clock.advance(100);
  server.down = world.blocked = true;
  server.sessions.get(bo.id).socket.cut();
  server.sessions.get(ana.id).socket.cut();
  await clock.advance(10_000);
  assert.equal(offers(), 1, 'no link to negotiate over');
  server.down = false;
  await clock.advance(20_000);
  assert.ok(offers() > 1);
});

test('ICE that fails is restarted once, then the connection is made anew', async () => {
  const { clock, enter, world, only, offers } = studio();
  const ana = await enter('Ana');
  await enter('Bo');
  const errors = [];
  ana.room.on('error', ({ error }) => errors.push([error.code, error.participant]));
  const [first] = world.connections;
  world.blocked = true;
  first.become('failed');
  await clock.advance(200);
  assert.deepEqual([offers(), world.connections.length], [2, 2]);
  world.blocked = false;
  first.become('failed');
  await clock.advance(500);
  assert.deepEqual([offers(), world.connections.length, first.connectionState], [3, 4, 'closed']);
  assert.equal(only(ana).state, 'connected');
  assert.deepEqual(errors, [['ice_failed', only(ana)]]);
});

test('a peer without slots that offers too little is asked for more', async () => {
  const { clock, server, enter, only } = studio();
  const socket = new (server.env(seeded(2)).WebSocket)('ws://x', []);
  const heard = [];
  socket.onmessage = ({ data }) => heard.push(JSON.parse(data));
  socket.onopen = () => {
    socket.send('{"type":"hello"}');
    socket.send('{"type":"join","id":1,"room":"blue"}');
  };
  await clock.advance(100);
  const bo = await enter('Bo', { camera: true });
  const offer = (id, gen, lines) => socket.send(JSON.stringify({ type: 'offer', id, room: 'blue', to: bo.id, pc: 1, gen, data: { sdp: `v=0\r\na=ice-ufrag:robot\r\n${lines}` } }));
  offer(2, 1, 'm=audio 9 RTP 0\r\na=sendrecv\r\n');
  await clock.advance(100);
  const asks = () => heard.filter((f) => f.type === 'negotiate');
  assert.deepEqual(asks().map((f) => f.data), [{ need: { audio: 1, video: 1, data: 0 } }]);
  assert.equal(only(bo).microphone.active, true);
  offer(3, 2, 'm=audio 9 RTP 0\r\na=sendrecv\r\nm=video 9 RTP 0\r\na=recvonly\r\n');
  await clock.advance(100);
  assert.equal(asks().length, 1);
  assert.equal(only(bo).connection.getTransceivers()[1].sender.track, bo.room.me.camera.track);
});

test('devices are asked for together, then alone, and the room is joined whatever they say', async () => {
  const cases = [
    [{ video: 'NotFoundError' }, {}, { camera: 'no_device' }, 3],
    [{ video: 'NotReadableError', audio: 'NotReadableError' }, {}, { camera: 'device_busy', microphone: 'device_busy' }, 3],
    [{ video: 'NotAllowedError' }, { camera: 'denied', microphone: 'granted' }, { camera: 'denied' }, 2],
    [{ video: 'NotAllowedError' }, { camera: 'denied', microphone: 'prompt' }, { camera: 'denied' }, 2],
    [{ video: 'NotAllowedError', audio: 'NotAllowedError' }, { camera: 'denied', microphone: 'denied' }, { camera: 'denied', microphone: 'denied' }, 1],
    [{ video: 'NotAllowedError', audio: 'NotAllowedError' }, {}, { camera: 'dismissed', microphone: 'dismissed' }, 1],
    [{ video: 'OverconstrainedError' }, {}, { camera: 'bad_constraints' }, 3],
  ];
  for (const [broken, states, wanted, asked] of cases) {
    const { clock, enter } = studio();
    const devices = Object.assign(new MediaDevices(), { broken, states });
    const { room } = await enter('Ana', { camera: true, microphone: true }, { navigator: devices.navigator });
    await clock.advance(100);
    const { camera, microphone } = room.me;
    assert.equal(room.state, 'connected');
    assert.deepEqual([camera.error?.code, microphone.error?.code, camera.active, microphone.active], [wanted.camera, wanted.microphone, !wanted.camera, !wanted.microphone]);
    assert.equal(devices.asked.length, asked, JSON.stringify(wanted));
    assert.match(camera.error.message, /camera/);
  }
});

test('no secure context, no devices, no WebRTC: the room works', async () => {
  const { enter } = studio();
  const insecure = await enter('Ana', { camera: true }, { navigator: {}, isSecureContext: false, RTCPeerConnection: undefined });
  assert.equal(insecure.room.me.camera.error.code, 'insecure_context');
  const without = await enter('Bo', { camera: true }, { navigator: undefined, isSecureContext: true, RTCPeerConnection: undefined });
  assert.equal(without.room.me.camera.error.code, 'unsupported');
  assert.equal(without.room.participants.size, 1);
});

test('a device that is unplugged says so, and can be started again', async () => {
  const { clock, enter, only } = studio();
  const ana = await enter('Ana', { camera: true });
  const bo = await enter('Bo');
  const errors = [];
  ana.room.me.camera.on('error', ({ error }) => errors.push(error.code));
  ana.room.me.camera.track.unplug();
  await clock.advance(100);
  assert.deepEqual([ana.room.me.camera.active, errors, only(bo).camera.active], [false, ['no_device'], false]);
  await ana.room.me.camera.start();
  await clock.advance(100);
  assert.deepEqual([ana.room.me.camera.active, ana.room.me.camera.error, only(bo).camera.active], [true, null, true]);
});

test('a source stopped while it starts stays off, and its device is let go', async () => {
  const { enter } = studio();
  const { room, devices } = await enter('Ana');
  let give;
  const track = new Track('video');
  devices.getUserMedia = () => new Promise((resolve) => (give = () => resolve(new Stream([track]))));
  const starting = room.me.camera.start();
  room.me.camera.stop();
  give();
  await assert.rejects(starting, { code: 'aborted' });
  assert.deepEqual([room.me.camera.active, track.readyState], [false, 'ended']);
});

test('a track of the application is used, and not stopped', async () => {
  const { enter } = studio();
  const track = new Track('video', 'canvas');
  const { room } = await enter('Ana', { camera: track });
  assert.equal(room.me.camera.track, track);
  await room.leave();
  assert.deepEqual([room.me.camera.active, track.readyState], [false, 'live']);
});

test('what the roster says of slots', () => {
  assert.equal(readSlots(undefined), null);
  assert.equal(readSlots({ name: 'robot' }), null);
  assert.deepEqual(readSlots({ slots: { camera: 'on', microphone: 'later' } }), { camera: 'on', microphone: 'off' });
});

test('the number of the connection goes on when somebody leaves and comes back', async () => {
  const { clock, server, world, enter } = studio();
  await enter('Ana');
  const client = connect({ env: { ...server.env(seeded(1)), RTCPeerConnection: world.RTCPeerConnection, MediaStream: Stream } });
  await clock.advance(100);
  const bo = await client;
  for (const pc of [1, 2]) {
    const joining = bo.join('blue');
    await clock.advance(300);
    const room = await joining;
    assert.deepEqual([server.frames.findLast((f) => f.type === 'offer').pc, [...room.participants.values()][0].state], [pc, 'connected']);
    const leaving = room.leave();
    await clock.advance(100);
    await leaving;
  }
  assert.deepEqual(world.connections.map((c) => c.connectionState), ['closed', 'closed', 'closed', 'closed']);
});

test('who comes back with another id has another connection, and perhaps the other role', async () => {
  const { clock, server, world, enter, only } = studio();
  const ana = await enter('Ana');
  const bo = await enter('Bo');
  const seen = only(ana);
  const offered = () => server.frames.filter((f) => f.type === 'offer').map((f) => f.peer);
  assert.deepEqual(offered(), [ana.id]);
  server.sessions.get(ana.id).socket.end(4410, 'session_gone');
  (server.ended = new Set()).add(ana.id);
  await clock.advance(2000);
  assert.equal(only(ana), seen);
  assert.deepEqual([seen.state, offered()], ['connected', [ana.id, bo.id]]);
  assert.notEqual(seen.connection, world.connections[0]);
  assert.equal(world.connections[0].connectionState, 'closed');
});

test('the end of the candidates is told, and relayOnly and rtc reach the connection', async () => {
  const { server, world, enter } = studio();
  await enter('Ana', { relayOnly: true, rtc: { iceServers: [{ urls: 'stun:own.example' }] } });
  await enter('Bo');
  const ends = server.frames.filter((f) => f.type === 'candidates' && f.end).map((f) => f.peer);
  assert.equal(new Set(ends).size, 2);
  const [ana, bo] = world.connections.map((c) => c.configuration);
  assert.deepEqual([ana.iceTransportPolicy, bo.iceTransportPolicy], ['relay', undefined]);
  assert.deepEqual(ana.iceServers.map((s) => s.urls), [['stun:stun.example'], 'stun:own.example']);
});

test('a client whose candidate policy is relay gathers nothing else', async () => {
  const { server, world, enter } = studio();
  server.candidates = 'relay';
  await enter('Ana');
  server.candidates = 'no-host';
  await enter('Bo');
  assert.deepEqual(world.connections.map((c) => c.configuration.iceTransportPolicy), ['relay', undefined]);
});

test('an element plays without sound while the browser blocks it, and leaves with its participant', async () => {
  const { clock, enter, only } = studio();
  let blocks = true;
  const made = [];
  const element = () => ({
    muted: false,
    removed: false,
    async play() {
      if (blocks && !this.muted) throw Object.assign(new Error('no gesture'), { name: 'NotAllowedError' });
    },
    remove() {
      this.removed = true;
    },
  });
  const document = Object.assign(new EventTarget(), { createElement: () => (made.push(element()), made.at(-1)) });
  const ana = await enter('Ana', {}, { document });
  const bo = await enter('Bo');
  let blocked = 0;
  ana.room.on('blocked', () => blocked++);
  const video = only(ana).video();
  await clock.settle();
  assert.deepEqual([blocked, video.muted, video.autoplay, video.playsInline], [1, true, true, true]);
  blocks = false;
  await ana.room.play();
  assert.equal(video.muted, false);
  await bo.room.leave();
  await clock.advance(100);
  assert.deepEqual([video.removed, video.srcObject], [true, null]);
});
