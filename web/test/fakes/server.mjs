import assert from 'node:assert/strict';

const LATENCY = 5;
const LIMITS = { message: 65536, sdp: 32768, metadata: 4096, candidates: 100, peers: 16, rooms: 32, rate: 50, burst: 200, bytes: 262144 };
const RELAYED = new Set(['offer', 'answer', 'candidates', 'negotiate', 'reject', 'message', 'got']);

/** One end of a connection in memory; messages take LATENCY. */
class Socket {
  constructor(server, url, protocols) {
    Object.assign(this, { server, url, protocols, open: false, over: false });
    server.clock.setTimeout(() => this.#connect(), LATENCY);
  }

  #connect() {
    if (this.over || this.closing) return;
    if (this.server.down) return this.cut();
    this.open = true;
    this.server.sockets.add(this);
    this.onopen?.({});
  }

  send(text) {
    assert.ok(this.open, 'sent on a socket that is not open');
    this.server.clock.setTimeout(() => {
      if (!this.over && !this.server.cutsHere(this)) this.server.receive(this, text);
    }, LATENCY);
  }

  close(code) {
    if (this.over || this.closing) return;
    this.closing = true; // what was sent before still goes out
    this.server.clock.setTimeout(() => {
      if (this.over) return;
      this.over = true;
      this.server.sockets.delete(this);
      this.server.closed(this, code);
    }, LATENCY);
  }

  /** From the server. */
  deliver(text) {
    this.server.clock.setTimeout(() => {
      if (!this.over && !this.closing && !this.server.cutsHere(this)) this.onmessage?.({ data: text });
    }, LATENCY);
  }

  /** From the server. */
  end(code, reason) {
    this.server.clock.setTimeout(() => this.#finish(code, reason), LATENCY);
  }

  /** The network: what is on its way is lost. */
  cut() {
    if (this.over) return;
    this.#finish(1006, '');
    this.server.closed(this, 1006);
  }

  #finish(code, reason) {
    if (this.over) return;
    this.over = true;
    this.server.sockets.delete(this);
    if (!this.closing) this.onclose?.({ code, reason });
  }
}

/** A server of signal.v1 in memory, as far as a client can tell: PROTOCOL.md, sections 4 and 5. */
export class Server {
  sockets = new Set();
  sessions = new Map(); // by peer
  rooms = new Map(); // name → Map of peer → data
  down = false;
  problem = null; // answer to the plain GET
  /** Every message that arrives at either end counts; at a number of this set its link is cut instead. */
  cuts = new Set();
  messages = 0;
  hellos = [];
  frames = []; // from clients, as they came
  event; // what the application does about an event: (session, frame) => void
  expires; // ms for which a token holds
  roles = new Map(); // by peer
  rules; // of all rooms, as they are told
  judge; // of joins and of what hosts ask for: (session, frame) => whether that was it
  #peers = 0;
  #epoch = 0;

  constructor(clock) {
    this.clock = clock;
  }

  env(random) {
    const server = this;
    return {
      WebSocket: class extends Socket {
        constructor(url, protocols) {
          super(server, url, protocols);
        }
      },
      fetch: async (url, init) => this.answerGet(url, init),
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      Date: { now: this.clock.now },
      Math: { random },
      crypto: { getRandomValues: (a) => a.fill(7) },
      location: { href: 'https://calls.example/' },
      window: new EventTarget(),
    };
  }

  answerGet() {
    if (this.down) throw new TypeError('fetch failed');
    return this.problem ?? new Response(null, { status: 204 });
  }

  cutsHere(socket) {
    if (!this.cuts.delete(++this.messages)) return false;
    socket.cut();
    return true;
  }

  /** The node is lost: it answers again, and knows peers only by their tokens. */
  die() {
    for (const socket of [...this.sockets]) socket.cut();
    this.sessions.clear();
    this.rooms.clear();
    this.#epoch++;
  }

  /** Tokens of before count no more. */
  forgetKeys() {
    this.die();
    this.keys = {};
  }

  keys = {};

  receive(socket, text) {
    const frame = JSON.parse(text);
    if (socket.refused) return;
    if (!socket.session) return this.#hello(socket, frame);
    const { session } = socket;
    if (session.socket !== socket) return; // replaced
    if (frame.ack) {
      assert.ok(frame.ack < session.seq, 'acknowledged what was not sent');
      session.outbox = session.outbox.filter((f) => f.seq > frame.ack);
    }
    if (frame.type === 'ping') return this.#write(session, { type: 'pong' });
    if (frame.id === undefined) return;
    if (frame.id <= session.done) return;
    assert.equal(frame.id, session.done + 1, 'ids without gap');
    session.done = frame.id;
    session.owed = (session.owed ?? 0) + 1;
    session.acking ??= this.clock.setTimeout(() => {
      session.acking = undefined;
      if (session.owed) this.#write(session, { type: 'ack' });
    }, 1000);
    this.frames.push({ ...frame, peer: session.peer });
    this.#handle(session, frame);
    if (session.owed >= 32) this.#write(session, { type: 'ack' });
  }

  #hello(socket, frame) {
    assert.equal(frame.type, 'hello');
    this.hellos.push(frame);
    const refusal = this.refuse?.(frame);
    if (refusal) return this.#refuse(socket, ...refusal);
    const { resume } = frame;
    let session;
    let resumed = false;
    if (resume) {
      const { peer, rank, keys, epoch, number } = JSON.parse(resume.token);
      if (keys !== this.#keyId() || this.ended?.has(peer)) return this.#refuse(socket, 'session_gone', 4410);
      session = this.sessions.get(peer);
      resumed = session !== undefined && epoch === this.#epoch;
      if (session) assert.ok(number === session.number || (number === session.number - 1 && resume.nonce === session.nonce), 'a token is used once');
      if (!resumed) session = Object.assign(this.#session(peer, rank), { number, socket: session?.socket });
      session.nonce = resume.nonce;
      session.number = number;
      if (resumed) session.outbox = session.outbox.filter((f) => f.seq > resume.seq);
    } else {
      const peer = `Peer${String(++this.#peers).padStart(16, '0')}`;
      session = this.#session(peer, this.#peers);
    }
    session.socket?.end(4409, 'replaced');
    session.socket = socket;
    socket.session = session;
    this.clock.clearTimeout(session.away);
    const token = JSON.stringify({ peer: session.peer, rank: session.rank, keys: this.#keyId(), epoch: this.#epoch, number: ++session.number });
    const welcome = {
      type: 'welcome', peer: session.peer, resumed, resume: { token, window: 60_000 }, limits: LIMITS,
      heartbeat: { ping: 10_000, dead: 25_000 }, candidates: this.candidates, ice: { list: [{ urls: ['stun:stun.example'] }], ttl: 0 },
      expires: this.#expire(session),
    };
    socket.deliver(JSON.stringify(resumed ? { ack: session.done, ...welcome } : welcome));
    if (resumed) for (const f of session.outbox) socket.deliver(JSON.stringify(f));
    if (session.wasAway) this.#tellRooms(session, (room) => ({ type: 'peer-back', room, from: session.peer, resumed: true }));
    session.wasAway = false;
    this.#ping(session, socket);
  }

  #keyId() {
    this.keys.id ??= Math.random();
    return this.keys.id;
  }

  /** Its token holds from now on. */
  #expire(session) {
    this.clock.clearTimeout(session.expiry);
    if (!this.expires) return undefined;
    session.expiry = this.clock.setTimeout(() => {
      const { socket } = session;
      socket?.end(4401, 'unauthenticated');
      if (socket) this.closed(socket, 4401);
    }, this.expires);
    return this.expires;
  }

  #ping(session, socket) {
    this.clock.setTimeout(() => {
      if (session.socket !== socket || socket.over) return;
      this.#write(session, { type: 'ping' });
      this.#ping(session, socket);
    }, 10_000);
  }

  #session(peer, rank) {
    const session = { peer, rank, seq: 1, done: 0, outbox: [], number: 0, rooms: new Set() };
    this.sessions.set(peer, session);
    return session;
  }

  #refuse(socket, code, close) {
    socket.refused = true;
    socket.deliver(JSON.stringify({ type: 'error', code, text: code }));
    socket.end(close, code);
  }

  /** Not sequenced. */
  #write(session, frame) {
    if (!session.socket || session.socket.over) return;
    session.socket.deliver(JSON.stringify({ ack: session.done, ...frame }));
    session.owed = 0;
  }

  /** Sequenced. */
  tell(session, frame) {
    const sequenced = { seq: session.seq++, ack: session.done, ...frame };
    session.outbox.push(sequenced);
    session.owed = 0;
    if (session.socket && !session.socket.over) session.socket.deliver(JSON.stringify(sequenced));
  }

  #tellRooms(session, make) {
    for (const room of session.rooms) this.#tellRoom(room, session, make(room));
  }

  #tellRoom(room, except, frame) {
    for (const peer of this.rooms.get(room)?.keys() ?? []) {
      if (peer !== except.peer) this.tell(this.sessions.get(peer), frame);
    }
  }

  #peer(viewer, peer, data) {
    const session = this.sessions.get(peer);
    const away = session.wasAway ? { away: true } : {};
    return { id: peer, offers: session.rank < viewer.rank, role: this.roles.get(peer), ...away, data };
  }

  #handle(session, frame) {
    const { id, type, room, to } = frame;
    if (type === 'bye') return this.#leaveAll(session, 'left');
    if (type === 'token') {
      const refusal = this.refuse?.(frame);
      if (refusal) return this.tell(session, { type: 'error', re: id, code: refusal[0], text: refusal[0] });
      return this.tell(session, { type: 'ok', re: id, expires: this.#expire(session) });
    }
    if (type === 'event') return this.event?.(session, frame);
    if (type === 'reply' || this.judge?.(session, frame)) return;
    const members = this.rooms.get(room) ?? new Map();
    if (type === 'join') {
      if (this.full === room) return this.tell(session, { type: 'error', re: id, code: 'room_full', text: 'the room is full' });
      return this.admit(session, room, frame.data, id);
    }
    if (!members.has(session.peer)) return this.tell(session, { type: 'error', re: id, code: 'not_in_room', text: 'not in room' });
    if (type === 'leave') {
      this.#leave(session, room, 'left');
      return this.tell(session, { type: 'ok', re: id });
    }
    if (type === 'update') {
      members.set(session.peer, frame.data);
      for (const p of members.keys()) if (p !== session.peer) this.#tellOf('peer-updated', room, session.peer, p);
      return this.tell(session, { type: 'ok', re: id });
    }
    assert.ok(RELAYED.has(type), `unknown type ${type}`);
    const { id: _, ack: __, to: ___, ...rest } = frame;
    const relay = { ...rest, from: session.peer };
    if (!to) return this.#tellRoom(room, session, relay);
    if (!members.has(to) || to === session.peer) return this.tell(session, { type: 'error', re: id, code: 'no_such_peer', text: 'no such peer' });
    this.tell(this.sessions.get(to), relay);
  }

  /** Makes a member of somebody. */
  admit(session, room, data, re) {
    const members = this.rooms.get(room) ?? new Map();
    this.rooms.set(room, members);
    const news = !members.has(session.peer);
    members.set(session.peer, data);
    session.rooms.add(room);
    const peers = [...members].filter(([p]) => p !== session.peer).map(([p, d]) => this.#peer(session, p, d));
    this.tell(session, { type: 'joined', re, room, role: this.roles.get(session.peer), peers, rules: this.rules });
    if (news) for (const p of peers) this.#tellOf('peer-joined', room, session.peer, p.id);
  }

  #tellOf(type, room, peer, to) {
    const viewer = this.sessions.get(to);
    this.tell(viewer, { type, room, peer: this.#peer(viewer, peer, this.rooms.get(room).get(peer)) });
  }

  /** Gives somebody another role. */
  setRole(peer, room, role) {
    this.roles.set(peer, role);
    for (const p of this.rooms.get(room).keys()) if (p !== peer) this.#tellOf('peer-updated', room, peer, p);
    this.tell(this.sessions.get(peer), { type: 'role', room, role });
  }

  /** Takes somebody out, as a host or the application can. */
  takeOut(session, room, reason, text) {
    this.#leave(session, room, reason);
    this.tell(session, { type: 'peer-left', room, from: session.peer, reason, text });
  }

  #leave(session, room, reason) {
    this.rooms.get(room)?.delete(session.peer);
    session.rooms.delete(room);
    this.#tellRoom(room, session, { type: 'peer-left', room, from: session.peer, reason });
  }

  #leaveAll(session, reason) {
    if (this.sessions.get(session.peer) !== session) return;
    for (const room of [...session.rooms]) this.#leave(session, room, reason);
    this.sessions.delete(session.peer);
    (this.ended ??= new Set()).add(session.peer);
  }

  closed(socket, code) {
    const { session } = socket;
    if (!session || session.socket !== socket || this.sessions.get(session.peer) !== session) return;
    session.socket = null;
    if (code === 1001) return this.#leaveAll(session, 'left'); // 1000 without a bye is no goodbye
    session.away = this.clock.setTimeout(() => {
      if (this.sessions.get(session.peer) !== session) return;
      session.wasAway = true;
      this.#tellRooms(session, (room) => ({ type: 'peer-away', room, from: session.peer }));
      session.away = this.clock.setTimeout(() => this.#leaveAll(session, 'timeout'), 59_000);
    }, 1000);
  }
}
