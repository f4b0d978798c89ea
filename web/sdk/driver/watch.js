const TICK = 500;
const STANDSTILL = 1_500; // ms without a byte while media is expected
const PATIENCE = 30_000; // between two restarts that did not help; less at first

/**
 * @typedef {{
 *   connection: RTCPeerConnection,
 *   env: import('../probe.js').Env,
 *   expected: () => boolean,
 *   ready: () => boolean,
 *   still: () => void,
 *   stuck: () => void,
 *   moved: () => void,
 *   path: (path: 'direct' | 'relay' | null) => void,
 * }} WatchOptions
 *   expected: the other side says that it sends. ready: a restart could be
 *   negotiated now. still: no bytes for too long. stuck: the same, and time for
 *   a restart. moved: bytes arrive again after still, or none are expected
 */

/**
 * Watches the bytes that arrive. ICE takes 7 to 30 s to notice that a path is
 * dead; media that stands still shows it in two.
 */
export class Watch {
  #options;
  /** @type {any} */ #timer;
  #over = false;
  #bytes = -1;
  #still = false;
  #moved;
  #restarts = 0;
  #restarted = 0;

  /** @param {WatchOptions} options */
  constructor(options) {
    this.#options = options;
    this.#moved = options.env.Date.now();
    this.#next();
  }

  /** Media has arrived within the last seconds. */
  get flows() {
    return this.#bytes > 0 && this.#options.env.Date.now() - this.#moved < 2 * STANDSTILL;
  }

  stop() {
    this.#over = true;
    this.#options.env.clearTimeout(this.#timer);
  }

  #next() {
    if (this.#over) return;
    this.#timer = this.#options.env.setTimeout(() => this.#tick().catch(() => {}).finally(() => this.#next()), TICK);
  }

  async #tick() {
    const { connection, env } = this.#options;
    const state = connection.connectionState;
    if (state !== 'connected' && state !== 'disconnected') {
      this.#moved = env.Date.now();
      return;
    }
    const { bytes, path } = readStats(await connection.getStats());
    if (this.#over) return;
    this.#options.path(path);
    this.#judge(bytes, state === 'disconnected');
  }

  /** @param {number} bytes @param {boolean} disconnected */
  #judge(bytes, disconnected) {
    const { env, expected, ready, still, stuck, moved } = this.#options;
    const now = env.Date.now();
    const wanted = expected() || disconnected;
    if (bytes !== this.#bytes || !wanted) {
      if (this.#still && !disconnected && (bytes > this.#bytes || !wanted)) {
        this.#still = false;
        this.#restarts = 0;
        moved();
      }
      this.#bytes = bytes;
      this.#moved = now;
      return;
    }
    if (now - this.#moved < STANDSTILL) return;
    this.#still = true;
    still();
    if (!ready()) return;
    if (this.#restarts && now - this.#restarted < Math.min(2_000 * 2 ** this.#restarts, PATIENCE)) return;
    this.#restarts++;
    this.#restarted = now;
    stuck();
  }
}

/**
 * Bytes received over all candidate pairs, and how the selected one goes.
 * Firefox has no transport report: there the pair itself says `selected`.
 * @param {RTCStatsReport} report
 * @returns {{bytes: number, path: 'direct' | 'relay' | null}}
 */
export function readStats(report) {
  let bytes = 0;
  let selected;
  const stats = [...report.values()];
  const chosen = stats.find((s) => s.type === 'transport')?.selectedCandidatePairId;
  for (const s of stats) {
    if (s.type !== 'candidate-pair') continue;
    bytes += s.bytesReceived ?? 0;
    if (chosen ? s.id === chosen : s.selected || (s.nominated && s.state === 'succeeded')) selected = s;
  }
  if (!selected) return { bytes, path: null };
  const ends = [report.get(selected.localCandidateId), report.get(selected.remoteCandidateId)];
  return { bytes, path: ends.some((c) => c?.candidateType === 'relay') ? 'relay' : 'direct' };
}
