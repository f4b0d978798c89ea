import { SignalError } from './errors.js';
import { Target } from './events.js';

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {import('./wire.js').Role} Role */
/** @typedef {import('./wire.js').CandidatePolicy} CandidatePolicy */
/**
 * What holds in a room. What is not there is off; candidates: the room's own.
 * @typedef {{locked?: boolean, lobby?: boolean, password?: boolean, capacity?: number, candidates?: CandidatePolicy}} Rules
 */
/**
 * What shall hold. What is not there stays as it is; `''` and 0 turn off.
 * @typedef {{locked?: boolean, lobby?: boolean, password?: string, capacity?: number, candidates?: CandidatePolicy | ''}} RulesUpdate
 */
/** A participant, somebody who waits, or who was one of these. @typedef {{readonly id: string, readonly user: string | null}} Person */

/** @param {Person | string} who @returns {{to?: string, user?: string}} */
const meant = (who) => (typeof who === 'string' ? { user: who } : { to: who.id });

/**
 * What the hosts of a room may do. All of it resolves when the server has done
 * it, and rejects with `forbidden` for anybody else.
 * @template {Record<string, object>} E
 * @extends {Target<E>}
 */
export class Moderated extends Target {
  #ask;

  /**
   * @param {import('./me.js').Me} me
   * @param {(frame: Frame, answer?: boolean) => Promise<Frame | undefined>} ask
   *   sends a request to the room and brings its answer; without answer, only
   *   that the server has it
   */
  constructor(me, ask) {
    super();
    this.me = me;
    this.#ask = ask;
  }

  /** Changes some of the rules. @param {RulesUpdate} rules */
  async setRules(rules) {
    await this.#ask({ type: 'set-rules', rules });
  }

  /**
   * Takes somebody out, and keeps them out for a minute.
   * @param {Person} who
   * @param {{text?: string}} [options] text: why, for them to read
   */
  async kick(who, { text } = {}) {
    await this.#ask({ type: 'kick', to: who.id, text });
  }

  /**
   * Takes somebody out and keeps them out, with all devices of their user.
   * @param {Person | string} who a string is a user
   * @param {{for?: number, text?: string}} [options] for: ms; an hour, if it is left out
   */
  async ban(who, { for: lasts, text } = {}) {
    await this.#ask({ type: 'ban', ...meant(who), for: lasts, text });
  }

  /** Ends a ban. @param {Person | string} who a string is a user */
  async unban(who) {
    const asked = [this.#ask({ type: 'unban', ...meant(who) })];
    // Of who is not there any more, the server does not know which user it was.
    if (typeof who !== 'string' && who.user) asked.push(this.#ask({ type: 'unban', user: who.user }));
    await Promise.all(asked);
  }

  /** Gives a role to somebody, or to oneself. @param {{readonly id: string}} who @param {Role} role */
  async setRole(who, role) {
    await this.#ask({ type: 'set-role', to: who.id, role });
  }

  /** Lets in somebody who waits. @param {Person} knocker */
  async admit(knocker) {
    await this.#ask({ type: 'admit', to: knocker.id });
  }

  /** @param {Person} knocker @param {{text?: string}} [options] text: why, for them to read */
  async deny(knocker, { text } = {}) {
    await this.#ask({ type: 'deny', to: knocker.id, text });
  }

  /** Ends it for everybody, oneself too. @param {{text?: string}} [options] text: why, for them to read */
  async end({ text } = {}) {
    await this.#ask({ type: 'end', text });
  }

  /**
   * Asks somebody to mute: their application decides. Resolves when the server has it.
   * @param {Person} who
   * @param {any} [data] any JSON; what it means is up to the application
   */
  async requestMute(who, data) {
    // The server's refusal may come behind its ack, which is too late for whoever waits here.
    if (this.me.role !== 'host') throw new SignalError('forbidden', 'only a host may ask others to mute');
    await this.#ask({ type: 'mute-request', to: who.id, data }, false);
  }

  /**
   * Makes a link: a text that lets in whoever joins with it, past password and lobby.
   * @param {{role?: Role, uses?: number, ttl?: number}} [options]
   *   uses: how many may come by it, 0 for any number (at most 1000); ttl: ms (a day; at most 30)
   * @returns {Promise<{link: string, expires: number}>} expires: ms from now
   */
  async makeLink({ role, uses, ttl } = {}) {
    const answer = await this.#ask({ type: 'link', role, uses, ttl });
    return answer?.data;
  }
}
