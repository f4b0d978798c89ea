import { ufragsOf } from '../candidates.js';
import { SignalError } from '../errors.js';
import { PATIENCE } from '../pair.js';
import { attach, isShort, lay, NEED, slotOf } from '../slots.js';
import { Gatherer } from './gather.js';
import { Watch } from './watch.js';

const AGAIN = 30_000; // ms

/** @typedef {import('../pair.js').PairEvent} PairEvent */
/** @typedef {import('../pair.js').PairAction} PairAction */
/** @typedef {import('../slots.js').SlotName} SlotName */
/** @typedef {'connecting' | 'connected' | 'reconnecting'} MediaState */
/**
 * @typedef {{
 *   pair: import('../pair.js').Pair, offers: boolean, env: import('../probe.js').Env,
 *   log: (level: 'debug' | 'info' | 'warn', what: string, detail?: object) => void,
 *   session: import('../session.js').Session,
 *   configuration: () => RTCConfiguration,
 *   trackOf: (name: SlotName) => MediaStreamTrack | null,
 *   expected: () => boolean, ready: () => boolean,
 *   send: (frame: import('../wire.js').Frame) => void,
 *   onstate: (state: MediaState) => void,
 *   onpath: (path: 'direct' | 'relay' | null) => void,
 *   ontrack: (slot: SlotName, track: MediaStreamTrack | null) => void,
 *   onerror: (error: SignalError) => void,
 * }} PeerOptions
 *   trackOf: own tracks. ontrack with null: the connection that it was of is
 *   closed
 */
/** @typedef {{number: number, connection: RTCPeerConnection, tail: Promise<void>, gatherer: Gatherer, watch: Watch}} Current */

/**
 * Executes what the negotiation machine says on RTCPeerConnections, one
 * operation after the other, and tells it what became of it.
 */
export class Peer {
  #options;
  #pair;
  /** @type {Current | null} */ #current = null;
  /** @type {PairEvent[]} */ #events = [];
  #handling = false;
  /** @type {any} */ #timer;
  /** @type {any} */ #again;
  #iceFailures = 0; // since it was connected
  #connected = false; // once at least
  /** @type {'direct' | 'relay' | null} */ #path = null;

  /** @param {PeerOptions} options */
  constructor(options) {
    this.#options = options;
    this.#pair = options.pair;
  }

  get connection() {
    return this.#current?.connection ?? null;
  }

  /**
   * Hands an event to the machine and does what it says. An event that comes
   * up meanwhile waits until all of that is done.
   * @param {PairEvent} event
   */
  handle(event) {
    this.#events.push(event);
    if (this.#handling) return;
    this.#handling = true;
    for (let next; (next = this.#events.shift()); ) {
      for (const action of this.#pair.handle(next)) this.#do(action);
    }
    this.#handling = false;
  }

  /** An own track came, went or was changed. */
  tracksChanged() {
    const { offers, trackOf } = this.#options;
    if (!this.#current) return;
    this.#queue(async (connection) => {
      await attach(connection, trackOf);
      if (!offers && isShort(connection, trackOf)) return { kind: 'needed', need: NEED };
    });
  }

  /** @param {PairAction} action */
  #do(action) {
    const { pc = 0, gen, data } = action;
    switch (action.kind) {
      case 'open': return this.#open(pc);
      case 'close': return this.#close();
      case 'make-offer': return this.#queue((connection) => this.#makeOffer(connection, action), gen);
      case 'make-answer': return this.#queue((connection) => this.#makeAnswer(connection, action), gen);
      case 'apply-answer': return this.#queue((connection) => this.#applyAnswer(connection, action), gen);
      case 'add-candidates': return this.#queue((connection) => this.#addCandidates(connection, action));
      case 'send': return this.#options.send({ type: /** @type {string} */ (action.type), pc, gen, ufrag: action.ufrag, end: action.end, data });
      case 'start-timer':
        this.#timer = this.#options.env.setTimeout(() => this.handle({ kind: 'timer', flows: this.#current?.watch.flows ?? false }), PATIENCE);
        return;
      case 'stop-timer': return this.#options.env.clearTimeout(this.#timer);
      case 'give-up': return this.#gaveUp(action.reason);
    }
  }

  /** The network of either side may change: it is tried again, but slowly. @param {string} [cause] */
  #gaveUp(cause) {
    this.#options.onerror(new SignalError('ice_failed', 'no way through to this participant', { cause }));
    this.#again = this.#options.env.setTimeout(() => this.handle({ kind: 'begin' }), AGAIN);
  }

  /** The participant has left. */
  end() {
    this.#options.env.clearTimeout(this.#again);
    this.handle({ kind: 'end' });
  }

  /** @param {number} number */
  #open(number) {
    const { env, expected, ready } = this.#options;
    const { RTCPeerConnection } = /** @type {Required<import('../probe.js').Env>} */ (env);
    let connection;
    try {
      connection = new RTCPeerConnection(this.#options.configuration());
    } catch (error) { // a configuration that is none, or more connections than the browser takes
      return this.handle({ kind: 'broken', pc: number, reason: String(error) });
    }
    const gatherer = new Gatherer(env, connection, ({ ufrag, data, end }) => this.handle({ kind: 'gathered', pc: number, ufrag, data, end }));
    const watch = new Watch({
      env, connection, expected, ready,
      still: () => this.#options.onstate('reconnecting'),
      stuck: () => this.handle({ kind: 'stuck', pc: number }),
      moved: () => this.#options.onstate('connected'),
      path: (path) => this.#setPath(path),
    });
    connection.onconnectionstatechange = () => this.#stateChanged(number, connection);
    connection.ontrack = ({ track, transceiver }) => {
      const slot = slotOf(connection, transceiver);
      if (slot) this.#options.ontrack(slot, track);
    };
    this.#current = { number, connection, gatherer, watch, tail: Promise.resolve() };
    if (this.#connected) this.#options.onstate('reconnecting');
  }

  #close() {
    if (!this.#current) return;
    const { connection, gatherer, watch } = this.#current;
    this.#current = null;
    gatherer.stop();
    watch.stop();
    connection.onconnectionstatechange = connection.ontrack = null;
    connection.close();
    this.#setPath(null);
    this.#options.ontrack('microphone', null);
    this.#options.ontrack('camera', null);
  }

  /**
   * Does a job behind those before it, unless its connection is closed by
   * then. With gen, a job that throws has failed; else it is only logged.
   * @param {(connection: RTCPeerConnection) => Promise<PairEvent | void>} job
   * @param {number} [gen]
   */
  #queue(job, gen) {
    const current = this.#current;
    if (!current) return;
    const { number: pc, connection } = current;
    current.tail = current.tail.then(async () => {
      if (current !== this.#current) return;
      /** @type {PairEvent | void} */
      let result;
      try {
        result = await job(connection);
      } catch (error) {
        const reason = String(error);
        if (current === this.#current) this.#options.log('warn', 'negotiation', { pc, gen, reason });
        result = gen === undefined ? undefined : { kind: 'failed', reason };
      }
      if (result && current === this.#current) this.handle({ pc, gen, ...result });
    });
  }

  /** @param {RTCPeerConnection} connection @param {PairAction} action @returns {Promise<PairEvent>} */
  async #makeOffer(connection, { restart, need }) {
    lay(connection, need);
    await attach(connection, this.#options.trackOf);
    if (restart) {
      connection.setConfiguration(this.#options.configuration());
      connection.restartIce();
    }
    const { sdp } = await connection.createOffer();
    await connection.setLocalDescription({ type: 'offer', sdp });
    return { kind: 'made', data: this.#description('offer', sdp) };
  }

  /** @param {RTCPeerConnection} connection @param {PairAction} action @returns {Promise<PairEvent>} */
  async #makeAnswer(connection, { data }) {
    const { trackOf } = this.#options;
    const before = ufragsOf(connection.remoteDescription?.sdp);
    if (before.length && !ufragsOf(data?.sdp).some((u) => before.includes(u))) connection.setConfiguration(this.#options.configuration());
    await connection.setRemoteDescription({ type: 'offer', sdp: data.sdp });
    await attach(connection, trackOf);
    const { sdp } = await connection.createAnswer();
    await connection.setLocalDescription({ type: 'answer', sdp });
    return { kind: 'made', data: this.#description('answer', sdp), need: isShort(connection, trackOf) ? NEED : undefined };
  }

  /** @param {RTCPeerConnection} connection @param {PairAction} action @returns {Promise<PairEvent>} */
  async #applyAnswer(connection, { data }) {
    await connection.setRemoteDescription({ type: 'answer', sdp: data.sdp });
    return { kind: 'applied' };
  }

  /** @param {'offer' | 'answer'} type @param {string} [sdp] */
  #description(type, sdp = '') {
    if (JSON.stringify(sdp).length + 32 > this.#options.session.limits.sdp) throw new SignalError('too_big', 'the session description is too big');
    return { type, sdp };
  }

  /** One bad candidate must not keep the others away. @param {RTCPeerConnection} connection @param {PairAction} action */
  async #addCandidates(connection, { data, end }) {
    const list = Array.isArray(data) ? data.filter((c) => typeof c?.candidate === 'string') : [];
    /** @param {unknown} error */
    const refused = (error) => this.#options.log('debug', 'candidate refused', { error: String(error) });
    await Promise.all(list.map((candidate) => connection.addIceCandidate(candidate).catch(refused)));
    if (end) await connection.addIceCandidate().catch(refused);
  }

  /** @param {number} pc @param {RTCPeerConnection} connection */
  #stateChanged(pc, connection) {
    const state = connection.connectionState;
    this.#options.log('info', 'connection', { pc, state });
    if (state === 'connected') {
      this.#connected = true;
      this.#iceFailures = 0;
      this.#options.onstate('connected');
      this.handle({ kind: 'connected', pc });
    } else if (state === 'disconnected' || (state === 'connecting' && this.#connected)) {
      this.#options.onstate('reconnecting');
    } else if (state === 'failed') {
      this.#failed(pc, connection);
    }
  }

  /**
   * A restart may repair ICE once; what fails again gets a new connection.
   * @param {number} pc
   * @param {RTCPeerConnection} connection
   */
  #failed(pc, connection) {
    const dtls = connection.getSenders().some((s) => s.transport?.state === 'failed');
    this.#iceFailures++;
    if (this.#iceFailures === 2) this.#options.onerror(new SignalError('ice_failed', 'no way through to this participant yet'));
    if (this.#connected) this.#options.onstate('reconnecting');
    this.handle({ kind: !dtls && this.#iceFailures % 2 ? 'stuck' : 'broken', pc });
  }

  /** @param {'direct' | 'relay' | null} path */
  #setPath(path) {
    if (path === this.#path) return;
    this.#path = path;
    this.#options.onpath(path);
  }
}
