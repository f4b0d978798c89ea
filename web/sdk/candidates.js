/**
 * ICE candidates and the descriptions that they belong to: which ufrags count
 * in one direction, and what came before its description. PROTOCOL.md,
 * section 7, C1 to C3.
 */

// What a side remembers of candidates that it cannot use yet: the 100 that a
// server relays for one pc and ufrag, and more ufrags than two honest sides
// can have open at once.
const MAX_KEPT = 100;
const MAX_KEPT_UFRAGS = 4;
const MAX_PAST = 16;

/** @typedef {{ufrag: string, list: object[], end: boolean}} Batch */

export class Book {
  /** @type {string[]} */ #now = [];
  /** @type {string[]} */ #past = [];
  /** @type {Batch[]} in the order in which their ufrags were first kept */ #kept = [];

  /** @param {string} ufrag */
  counts(ufrag) {
    return this.#now.includes(ufrag);
  }

  /** Was in a description before, and is no more. @param {string} ufrag */
  isPast(ufrag) {
    return this.#past.includes(ufrag) && !this.counts(ufrag);
  }

  /**
   * Holds candidates until turn brings their ufrag.
   * @param {string} ufrag
   * @param {unknown} data what is not an array has no candidates in it
   * @param {boolean} end
   */
  keep(ufrag, data, end) {
    let batch = this.#kept.find((b) => b.ufrag === ufrag);
    if (!batch) {
      if (this.#kept.length === MAX_KEPT_UFRAGS) this.#kept.shift();
      this.#kept.push((batch = { ufrag, list: [], end: false }));
    }
    if (Array.isArray(data)) batch.list.push(...data.slice(0, MAX_KEPT - batch.list.length));
    batch.end ||= end;
  }

  /**
   * Makes the ufrags of a new description those that count.
   * @param {string[]} ufrags
   * @returns {Batch[]} what was kept for them
   */
  turn(ufrags) {
    this.#past.push(...this.#now.filter((u) => !ufrags.includes(u)));
    this.#past = this.#past.slice(-MAX_PAST);
    this.#now = ufrags;
    const due = this.#kept.filter((b) => this.counts(b.ufrag));
    this.#kept = this.#kept.filter((b) => !this.counts(b.ufrag) && !this.isPast(b.ufrag));
    return due;
  }
}

/**
 * The distinct ufrags of a description, in the order of their lines.
 * @param {unknown} sdp
 */
export function ufragsOf(sdp) {
  if (typeof sdp !== 'string') return [];
  const found = [...sdp.matchAll(/^a=ice-ufrag:([^\n]*)$/gm)].map((m) => m[1].replace(/[\r \t]+$/, ''));
  return [...new Set(found)].filter((u) => u !== '');
}

/**
 * The ufrag of a candidate: pion puts it only into the candidate line, where
 * pairs of name and value follow the first eight words (RFC 8839 §5.1).
 * @param {{usernameFragment?: string | null, candidate?: string}} candidate
 * @returns {string} '' when it does not say
 */
export function ufragOf({ usernameFragment, candidate = '' }) {
  if (usernameFragment) return usernameFragment;
  const words = candidate.trim().split(/\s+/);
  for (let i = 8; i + 1 < words.length; i += 2) if (words[i] === 'ufrag') return words[i + 1];
  return '';
}
