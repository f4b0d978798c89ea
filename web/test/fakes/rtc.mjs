/** RTCPeerConnection and its neighbours, as far as the SDK touches them, with the JSEP states enforced. */

let serial = 0;

export class Track extends EventTarget {
  enabled = true;
  muted = false;
  readyState = 'live';
  id = `track${++serial}`;

  constructor(kind, deviceId = 'default') {
    super();
    this.kind = kind;
    this.deviceId = deviceId;
  }

  getSettings() {
    return { deviceId: this.deviceId };
  }

  stop() {
    this.readyState = 'ended';
  }

  unplug() {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }
}

export class Stream {
  #tracks;

  constructor(tracks = []) {
    this.#tracks = [...tracks];
  }

  getTracks() {
    return this.#tracks;
  }

  addTrack(track) {
    this.#tracks.push(track);
  }

  removeTrack(track) {
    this.#tracks = this.#tracks.filter((t) => t !== track);
  }
}

const wrong = (what) => Object.assign(new Error(what), { name: 'InvalidStateError' });
const mLine = (kind, direction) => `m=${kind} 9 RTP 0\r\na=${direction}`; // as much as a server looks at
const mirror = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };
const both = (a, b) => {
  const sends = a.startsWith('send') && (b === 'sendrecv' || b === 'recvonly');
  const receives = (a === 'sendrecv' || a === 'recvonly') && b.startsWith('send');
  return sends ? (receives ? 'sendrecv' : 'sendonly') : receives ? 'recvonly' : 'inactive';
};

class Transceiver {
  currentDirection = null;

  constructor(kind, direction) {
    this.kind = kind;
    this.direction = direction;
    this.receiver = { track: new Track(kind) };
    this.sender = {
      track: null,
      replaceTrack: async (track) => {
        if (track && track.kind !== kind) throw new TypeError('another kind');
        this.sender.track = track;
      },
    };
  }
}

/** What all connections of one test share. */
export class World {
  connections = [];
  blocked = false; // no path any more

  get RTCPeerConnection() {
    const world = this;
    return class extends Connection {
      constructor(configuration) {
        super(world, configuration);
      }
    };
  }
}

class Connection {
  signalingState = 'stable';
  connectionState = 'new';
  localDescription = null;
  remoteDescription = null;
  bytes = 0;
  flows = true;
  channels = 0;
  #transceivers = [];
  #ufrag = '';
  #restart = false;
  #candidates = new Set();

  constructor(world, configuration) {
    Object.assign(this, { world, configuration });
    world.connections.push(this);
  }

  getTransceivers() {
    return this.#transceivers;
  }

  getSenders() {
    return this.#transceivers.map((t) => t.sender);
  }

  addTransceiver(kind, { direction }) {
    const transceiver = new Transceiver(kind, direction);
    this.#transceivers.push(transceiver);
    return transceiver;
  }

  createDataChannel() {
    this.channels++;
  }

  restartIce() {
    this.#restart = true;
  }

  setConfiguration(configuration) {
    this.configuration = configuration;
  }

  #sdp() {
    const lines = this.#transceivers.map((t) => mLine(t.kind, t.offered ? both(t.direction, t.offered) : t.direction));
    if (this.channels) lines.push(mLine('application', 'sendrecv'));
    return ['v=0', `a=ice-ufrag:${this.#ufrag}`, ...lines, ''].join('\r\n');
  }

  async createOffer() {
    if (this.signalingState !== 'stable') throw wrong('createOffer');
    if (this.#restart || !this.#ufrag) this.#ufrag = `f${++serial}`;
    this.#restart = false;
    for (const t of this.#transceivers) t.offered = null;
    return { type: 'offer', sdp: this.#sdp() };
  }

  async createAnswer() {
    if (this.signalingState !== 'have-remote-offer') throw wrong('createAnswer');
    return { type: 'answer', sdp: this.#sdp() };
  }

  async setLocalDescription({ type, sdp }) {
    if (type === 'offer' ? this.signalingState !== 'stable' : this.signalingState !== 'have-remote-offer') throw wrong(`setLocalDescription ${type}`);
    const fresh = !this.localDescription || !this.localDescription.sdp.includes(`${this.#ufrag}\r\n`);
    this.localDescription = { type, sdp };
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    if (type === 'answer') for (const t of this.#transceivers) t.currentDirection = both(t.direction, t.offered);
    if (fresh) queueMicrotask(() => this.#gather());
    this.#judge();
  }

  #gather() {
    const ufrag = this.#ufrag;
    const relayed = this.configuration?.iceTransportPolicy === 'relay';
    for (const [i, type] of (relayed ? ['relay'] : ['host', 'host', 'relay']).entries()) {
      this.onicecandidate?.({ candidate: { candidate: `candidate:1 1 udp 1 127.0.0.1 ${i + 1} typ ${type}`, sdpMid: '0', usernameFragment: ufrag } });
    }
    this.onicecandidate?.({ candidate: null });
  }

  async setRemoteDescription({ type, sdp }) {
    if (type === 'offer' ? this.signalingState !== 'stable' : this.signalingState !== 'have-local-offer') throw wrong(`setRemoteDescription ${type}`);
    const [, ufrag] = sdp.match(/a=ice-ufrag:(\S+)/);
    if (this.remoteDescription && !this.remoteDescription.sdp.includes(`${ufrag}\r\n`)) {
      this.#candidates.clear();
      if (type === 'offer') this.#ufrag = '';
    }
    this.remoteDescription = { type, sdp };
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
    if (!this.#ufrag) this.#ufrag = `f${++serial}`;
    const found = [...sdp.matchAll(/^m=(audio|video) .*\r\na=(\w+)/gm)];
    found.forEach(([, kind, direction], i) => {
      const transceiver = (this.#transceivers[i] ??= new Transceiver(kind, 'recvonly'));
      transceiver.offered = mirror[direction];
      const receives = direction.startsWith('send');
      if (type === 'answer') transceiver.currentDirection = both(transceiver.direction, transceiver.offered);
      if (receives && !transceiver.announced) {
        transceiver.announced = true;
        this.ontrack?.({ track: transceiver.receiver.track, transceiver });
      }
    });
    this.#judge();
  }

  async addIceCandidate(candidate) {
    if (!this.remoteDescription) throw wrong('addIceCandidate');
    if (!candidate) return;
    if (!this.remoteDescription.sdp.includes(`${candidate.usernameFragment}\r\n`)) throw wrong('unknown ufrag');
    this.#candidates.add(candidate.candidate);
    this.#judge();
  }

  get candidates() {
    return this.#candidates.size;
  }

  #judge() {
    if (this.world.blocked) return;
    if (this.signalingState === 'stable' && this.localDescription && this.#candidates.size && this.connectionState !== 'connected') this.become('connected');
  }

  become(state) {
    this.connectionState = state;
    queueMicrotask(() => this.onconnectionstatechange?.());
  }

  async getStats() {
    if (this.flows && !this.world.blocked) this.bytes += 1000;
    return new Map([
      ['T', { id: 'T', type: 'transport', selectedCandidatePairId: 'P' }],
      ['P', { id: 'P', type: 'candidate-pair', nominated: true, state: 'succeeded', bytesReceived: this.bytes, localCandidateId: 'L', remoteCandidateId: 'R' }],
      ['L', { id: 'L', type: 'local-candidate', candidateType: this.relayed ? 'relay' : 'host' }],
      ['R', { id: 'R', type: 'remote-candidate', candidateType: 'host' }],
    ]);
  }

  close() {
    this.connectionState = this.signalingState = 'closed';
  }
}

/** Cameras and microphones; `broken` maps audio or video to what getUserMedia throws. */
export class MediaDevices extends EventTarget {
  asked = [];
  broken = {};
  states = {};

  async getUserMedia(constraints) {
    this.asked.push(Object.keys(constraints).sort().join('+'));
    for (const kind of Object.keys(constraints)) {
      if (this.broken[kind]) throw Object.assign(new Error(kind), { name: this.broken[kind] });
    }
    return new Stream(Object.entries(constraints).map(([kind, wants]) => new Track(kind, wants?.deviceId?.exact)));
  }

  async enumerateDevices() {
    return [{ kind: 'videoinput' }, { kind: 'audioinput' }, { kind: 'audiooutput' }];
  }

  get navigator() {
    return { mediaDevices: this, permissions: { query: async ({ name }) => ({ state: this.states[name] ?? 'prompt' }) } };
  }
}
