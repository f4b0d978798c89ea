import { SignalError } from './errors.js';
import { Target } from './events.js';

/** @typedef {import('./wire.js').Frame} Frame */
/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./room.js').RoomOptions} RoomOptions */
/**
 * Why a call came to nothing: `lost` is a server that was, with all that it knew.
 * @typedef {'declined' | 'busy' | 'timeout' | 'offline' | 'crossed' | 'cancelled' | 'answered_elsewhere' | 'gone' | 'lost' | 'closed'} Ending
 */
/**
 * What calls need of their client.
 * @typedef {{
 *   ask: (frame: Frame) => Promise<Frame>,
 *   enter: (room: string, options: RoomOptions) => Promise<Room>,
 *   busy: (step: 1 | -1) => void,
 * }} Line
 *   busy counts the calls that there are
 */

const sentences = /** @type {Record<string, string>} */ ({
  declined: 'The call was declined.',
  busy: 'They are in another call.',
  timeout: 'Nobody answered.',
  offline: 'They cannot be reached.',
  crossed: 'Another call between the two of you came first.',
  cancelled: 'The call was cancelled.',
  answered_elsewhere: 'The call was answered on another device.',
  gone: 'The caller is gone.',
  lost: 'The server was lost.',
  closed: 'The connection is over.',
});

/** @param {Ending} reason @param {unknown} [cause] */
const ending = (reason, cause) => new SignalError(reason, sentences[reason] ?? reason, { cause });

/**
 * Joins the call's room, and is busy until it is over. The caller counts the
 * call before.
 * @param {Line} line @param {string} name @param {RoomOptions} [options]
 */
async function talk(line, name, options = {}) {
  try {
    const room = await line.enter(name, options);
    const off = room.on('statechange', () => {
      if (room.state !== 'disconnected') return;
      off();
      line.busy(-1);
    });
    return room;
  } catch (error) {
    line.busy(-1);
    throw error;
  }
}

/**
 * A user whom this client rings.
 * @extends {Target<{statechange: {}}>}
 */
export class Call extends Target {
  #line;
  /** @type {(room: string) => void} */ #accept = () => {};
  /** @type {(error: SignalError) => void} */ #refuse = () => {};
  /** @type {Promise<string>} the room */ #accepted = new Promise((accept, refuse) => {
    this.#accept = accept;
    this.#refuse = refuse;
  });
  /** @type {'calling' | 'woken' | 'ringing' | 'accepted' | 'over'} woken: by push; ringing: on a device */ state = 'calling';
  /** @type {Ending | null} Why it came to nothing. */ reason = null;
  id = '';
  /** The id of the device that accepted. */ peer = '';

  /** @param {Line} line @param {string} user */
  constructor(line, user) {
    super();
    this.#line = line;
    this.user = user;
    this.#accepted.catch(() => {}); // who does not wait for it hears of it by statechange
  }

  /**
   * Waits for the answer and joins the room. Rejects with a SignalError whose
   * code is the reason.
   * @param {RoomOptions} [options]
   */
  async join(options) {
    return talk(this.#line, await this.#accepted, options);
  }

  /** Rings no more. */
  async cancel() {
    if (this.state === 'accepted' || this.state === 'over') return;
    this.end('cancelled');
    if (this.id) await this.#line.ask({ type: 'cancel', invite: this.id }).catch(() => {}); // it was over, or is now
  }

  /** The server has made the invitation. @param {string} id */
  begun(id) {
    this.id = id;
    if (this.state === 'over') this.#line.ask({ type: 'cancel', invite: id }).catch(() => {});
  }

  /** @param {Frame} frame */
  frame({ type, via, reason, room = '', from = '' }) {
    if (this.state === 'over') return;
    if (type === 'ringing') this.#set(via === 'push' ? 'woken' : 'ringing');
    else if (type === 'declined') this.end(/** @type {Ending} */ (reason));
    else {
      this.peer = from;
      this.#line.busy(1);
      this.#accept(room);
      this.#set('accepted');
    }
  }

  /** @param {Ending} reason @param {unknown} [cause] */
  end(reason, cause) {
    if (this.state === 'accepted' || this.state === 'over') return;
    this.reason = reason;
    this.#refuse(cause instanceof SignalError ? cause : ending(reason));
    this.#set('over');
  }

  /** @param {Call['state']} state */
  #set(state) {
    this.state = state;
    this.fire('statechange');
  }
}

/**
 * A call that rings on this client.
 * @extends {Target<{statechange: {}}>}
 */
export class Invitation extends Target {
  #line;
  #room;
  /** @type {'ringing' | 'accepted' | 'over'} */ state = 'ringing';
  /** @type {Ending | null} Why it rings no more. */ reason = null;

  /** @param {Line} line @param {Frame} frame invited or missed */
  constructor(line, { invite = '', from = '', user, name, data, room = '' }) {
    super();
    this.#line = line;
    this.#room = room;
    this.id = invite;
    this.peer = from;
    this.user = user ?? null;
    /** The caller's name, as the server knows it. */ this.name = name ?? null;
    this.data = data;
  }

  /**
   * Accepts, and joins the room. Rejects with why not: another device may have
   * been quicker.
   * @param {RoomOptions} [options]
   */
  async accept(options) {
    if (this.state !== 'ringing') throw ending(this.reason ?? 'answered_elsewhere');
    this.#line.busy(1); // before: no other call shall come between
    try {
      await this.#line.ask({ type: 'accept', invite: this.id });
    } catch (error) {
      this.#line.busy(-1);
      throw this.reason ? ending(this.reason, error) : error;
    }
    this.#set('accepted');
    return talk(this.#line, this.#room, options);
  }

  /** Stops the ringing on all devices. @param {'declined' | 'busy'} [reason] */
  async decline(reason = 'declined') {
    if (this.state !== 'ringing') return;
    this.end(reason);
    await this.#line.ask({ type: 'decline', invite: this.id, reason }).catch(() => {}); // it was over already
  }

  /** @param {Ending} reason */
  end(reason) {
    if (this.state !== 'ringing') return;
    this.reason = reason;
    this.#set('over');
  }

  /** @param {Invitation['state']} state */
  #set(state) {
    this.state = state;
    this.fire('statechange');
  }
}
