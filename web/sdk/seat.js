import { Peer } from './driver/peer.js';
import { Participant } from './participant.js';
import { readSlots } from './slots.js';

/** @typedef {import('./slots.js').SlotName} SlotName */
/** @typedef {import('./driver/peer.js').MediaState} MediaState */
/**
 * @typedef {{
 *   env: import('./probe.js').Env, log: (level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void,
 *   session: import('./session.js').Session, configuration: () => RTCConfiguration,
 *   trackOf: (name: SlotName) => MediaStreamTrack | null,
 *   send: (to: string, frame: import('./wire.js').Frame) => void,
 *   onerror: (error: import('./errors.js').SignalError) => void,
 *   onblocked: () => void,
 * }} SeatOptions
 */

/** What a room keeps for one participant: the roster's entry, the negotiation, the media. */
export class Seat {
  #options;
  /** @type {Peer | null} null where there is no WebRTC, or nothing to negotiate */ #peer = null;
  #apart = false; // two viewers: nothing to negotiate
  /** @type {MediaState} */ #media = 'connecting';
  #away = false;
  #left = false;
  /** @type {Set<HTMLVideoElement>} */ #elements = new Set();
  /** @type {Set<HTMLVideoElement>} muted because the browser blocks sound */ #silenced = new Set();
  /** @type {MediaStream | null} */ #stream = null;
  /** @type {ReturnType<typeof readSlots>} */ #slots;
  /** @type {Partial<Record<SlotName, MediaStreamTrack>>} what came, be it played or not */ #received = {};

  /** @type {Partial<Record<SlotName, {track: MediaStreamTrack, stream: MediaStream}>>} */ tracks = {};
  /** @type {'direct' | 'relay' | null} */ path = null;

  /**
   * @param {import('./wire.js').Peer} peer
   * @param {SeatOptions} options
   */
  constructor(peer, options) {
    this.#options = options;
    this.id = peer.id;
    this.user = peer.user ?? null;
    this.offers = peer.offers;
    this.role = peer.role ?? 'participant';
    this.data = peer.data;
    this.#slots = readSlots(peer.data);
    this.#away = peer.away ?? false;
    this.participant = new Participant(this);
    if (options.env.MediaStream) this.#stream = new options.env.MediaStream();
  }

  /** What was negotiated is over: another pair begins. @param {import('./wire.js').Peer} peer */
  renew(peer) {
    this.#endPair();
    this.offers = peer.offers;
    if (this.#media === 'connected') this.#change(() => (this.#media = 'reconnecting'));
  }

  /** Negotiates no more: there is nothing to send either way. */
  part() {
    this.#endPair();
    this.#change(() => {
      this.#apart = true;
      this.#media = 'connecting';
    });
  }

  #endPair() {
    this.#peer?.end();
    this.#peer = null;
  }

  /** There is a negotiation. */
  get paired() {
    return this.#peer !== null;
  }

  get #linked() {
    return this.#options.session.state === 'connected';
  }

  /** Begins to negotiate. @param {import('./pair.js').Pair} pair */
  begin(pair) {
    this.#change(() => (this.#apart = false));
    if (!this.#options.env.RTCPeerConnection) return;
    this.#peer = new Peer({
      ...this.#options,
      pair,
      offers: !this.offers,
      expected: () => this.carries('microphone') === 'on' || this.carries('camera') === 'on',
      ready: () => this.#linked && !this.#away,
      send: (frame) => this.#options.send(this.id, frame),
      onstate: (state) => this.#change(() => (this.#media = state)),
      onpath: (path) => {
        this.path = path;
        this.participant.fire('pathchange');
      },
      ontrack: (name, track) => this.#receive(name, track ?? undefined),
    });
    this.linkChanged();
    this.#peer.handle({ kind: this.#away ? 'peer-away' : 'peer-back' });
    this.#peer.handle({ kind: 'begin' });
  }

  get state() {
    if (this.#left) return 'left';
    if (this.#away) return 'away';
    return this.#apart ? 'connected' : this.#media;
  }

  get away() {
    return this.#away;
  }

  get connection() {
    return this.#peer?.connection ?? null;
  }

  /** @param {SlotName} name @returns {import('./slots.js').Carries} */
  carries(name) {
    if (this.role === 'viewer') return 'off';
    if (this.#slots) return this.#slots[name];
    const track = this.tracks[name]?.track;
    if (!track || track.readyState === 'ended') return 'off';
    return track.muted ? 'muted' : 'on';
  }

  /** @param {() => void} change */
  #change(change) {
    const before = this.state;
    change();
    if (this.state !== before) this.participant.fire('statechange');
  }

  /** Reports whether anything is another. @param {import('./wire.js').Peer} peer */
  update({ role = 'participant', data }) {
    if (role === this.role && JSON.stringify(data) === JSON.stringify(this.data)) return false;
    const told = () => JSON.stringify([this.carries('microphone'), this.carries('camera')]);
    const before = told();
    this.role = role;
    this.data = data;
    this.#slots = readSlots(data);
    if (told() !== before) this.participant.fire('trackchange');
    for (const name of /** @type {const} */ (['microphone', 'camera'])) this.#show(name);
    return true;
  }

  /** @param {boolean} away */
  setAway(away) {
    if (this.#left || away === this.#away) return;
    this.#change(() => (this.#away = away));
    this.#peer?.handle({ kind: away ? 'peer-away' : 'peer-back' });
  }

  linkChanged() {
    this.#peer?.handle({ kind: this.#linked ? 'link-up' : 'link-down' });
  }

  /** A frame of the negotiation. @param {import('./wire.js').Frame} frame */
  handle({ type, pc, gen, ufrag, end, data }) {
    this.#peer?.handle({ kind: /** @type {import('./pair.js').PairEvent['kind']} */ (type), pc, gen: gen ?? 0, ufrag, end, data });
  }

  tracksChanged() {
    this.#peer?.tracksChanged();
  }

  /** The participant has left. */
  end() {
    this.#peer?.end();
    for (const element of this.#elements) {
      element.srcObject = null;
      element.remove();
    }
    this.#elements.clear();
    this.#silenced.clear();
    this.#change(() => (this.#left = true));
  }

  /** @param {SlotName} name @param {MediaStreamTrack} [track] */
  #receive(name, track) {
    if (track === this.#received[name]) return;
    this.#received[name] = track;
    for (const type of ['mute', 'unmute', 'ended']) track?.addEventListener(type, () => !this.#slots && this.participant.fire('trackchange'));
    this.#show(name);
  }

  /** Has the track that came played, unless a viewer sends it. @param {SlotName} name */
  #show(name) {
    const { MediaStream } = this.#options.env;
    const track = this.role === 'viewer' ? undefined : this.#received[name];
    const before = this.tracks[name]?.track;
    if (!MediaStream || before === track) return;
    if (before) this.#stream?.removeTrack(before);
    delete this.tracks[name];
    if (track) {
      this.tracks[name] = { track, stream: new MediaStream([track]) };
      this.#stream?.addTrack(track);
      for (const element of this.#elements) if (element.paused) this.#playElement(element);
    }
    this.participant.fire('trackchange');
  }

  video() {
    const { document } = this.#options.env;
    if (!document) throw new Error('there is no document');
    const element = document.createElement('video');
    element.autoplay = true;
    element.playsInline = true;
    element.srcObject = this.#stream;
    if (!this.#left) this.#elements.add(element);
    this.#playElement(element);
    return element;
  }

  /** Starts the elements, and the sound that the browser has blocked. */
  async play() {
    await Promise.all([...this.#elements].map((element) => this.#playElement(element)));
  }

  /** What may not play with sound plays without. @param {HTMLVideoElement} element */
  async #playElement(element) {
    if (this.#silenced.delete(element)) element.muted = false;
    try {
      await element.play();
    } catch (error) {
      if (/** @type {Error} */ (error)?.name !== 'NotAllowedError' || element.muted) return;
      element.muted = true;
      this.#silenced.add(element);
      this.#options.onblocked();
      element.play().catch(() => {}); // it starts with its first track, or at the next play
    }
  }
}
