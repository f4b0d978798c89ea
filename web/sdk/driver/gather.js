import { ufragOf, ufragsOf } from '../candidates.js';

const SHARE = 20; // ms for which candidates wait for others; the first of a ufrag do not
const MOST = 100; // per ufrag: what a server relays

/**
 * Collects own candidates, so that several share a frame.
 */
export class Gatherer {
  #env;
  #connection;
  #emit;
  /** @type {Map<string, {list: object[], end: boolean, count: number, timer: any}>} by ufrag */ #ufrags = new Map();
  #over = false;

  /**
   * @param {import('../probe.js').Env} env
   * @param {RTCPeerConnection} connection
   * @param {(batch: {ufrag: string, data: object[], end: boolean}) => void} emit
   */
  constructor(env, connection, emit) {
    this.#env = env;
    this.#connection = connection;
    this.#emit = emit;
    connection.onicecandidate = ({ candidate }) => this.#add(candidate);
  }

  stop() {
    this.#over = true;
    this.#connection.onicecandidate = null;
    for (const { timer } of this.#ufrags.values()) this.#env.clearTimeout(timer);
  }

  /** @param {RTCIceCandidate | null} candidate null: all of this gathering */
  #add(candidate) {
    const init = candidate && (candidate.toJSON?.() ?? candidate);
    const ufrag = (init && ufragOf(init)) || ufragsOf(this.#connection.localDescription?.sdp)[0];
    if (this.#over || !ufrag) return;
    let entry = this.#ufrags.get(ufrag);
    if (!entry) this.#ufrags.set(ufrag, (entry = { list: [], end: false, count: 0, timer: undefined }));
    if (!init) entry.end = true;
    else if (init.candidate && entry.count < MOST) entry.list.push(init);
    else return;
    const wait = entry.count++ === 0 ? 0 : SHARE;
    entry.timer ??= this.#env.setTimeout(() => this.#flush(ufrag), wait);
  }

  /** @param {string} ufrag */
  #flush(ufrag) {
    const entry = this.#ufrags.get(ufrag);
    if (!entry || this.#over) return;
    entry.timer = undefined;
    this.#emit({ ufrag, data: entry.list, end: entry.end });
    entry.list = [];
    entry.end = false;
  }
}
