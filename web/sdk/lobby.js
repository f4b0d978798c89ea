/** @typedef {import('./wire.js').Peer} Peer */
/**
 * Why somebody waits no more. `lost`: the server, or the own role, so that the
 * room cannot know; who waits still is told of anew.
 * @typedef {'admitted' | 'denied' | 'left' | 'timeout' | 'banned' | 'lost'} KnockEnd
 */

/** Somebody who waits to be let in. */
export class Knocker {
  #peer;

  /** @param {Peer} peer */
  constructor(peer) {
    this.#peer = peer;
  }

  get id() {
    return this.#peer.id;
  }

  /** Who the server says that this is, or null. */
  get user() {
    return this.#peer.user ?? null;
  }

  /** @returns {string} */
  get name() {
    const name = this.#peer.data?.name;
    return typeof name === 'string' ? name : '';
  }

  get metadata() {
    return this.#peer.data?.metadata;
  }

  /** The connection to the server is lost, and may come back. */
  get away() {
    return this.#peer.away ?? false;
  }

  /** @param {Peer} peer */
  update(peer) {
    this.#peer = peer;
  }
}

/** Who waits, as hosts are told of it. */
export class Lobby {
  #fire;
  /** @type {Map<string, Knocker>} by id, longest there first */ knockers = new Map();

  /** @param {(type: 'knock' | 'knockended', fields: any) => void} fire */
  constructor(fire) {
    this.#fire = fire;
  }

  /** @param {Peer} peer */
  knock(peer) {
    let knocker = this.knockers.get(peer.id);
    if (knocker) knocker.update(peer);
    else this.knockers.set(peer.id, (knocker = new Knocker(peer)));
    this.#fire('knock', { knocker });
  }

  /** @param {string} id @param {KnockEnd} reason */
  ended(id, reason) {
    const knocker = this.knockers.get(id);
    if (!knocker) return;
    this.knockers.delete(id);
    this.#fire('knockended', { knocker, reason });
  }

  /** Nothing is known of those who wait any more. */
  lose() {
    for (const id of [...this.knockers.keys()]) this.ended(id, 'lost');
  }
}
