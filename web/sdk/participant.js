import { Target } from './events.js';

/** @typedef {import('./slots.js').SlotName} SlotName */
/** @typedef {'connecting' | 'connected' | 'reconnecting' | 'away' | 'left'} ParticipantState */

/** The camera or microphone of somebody else. */
export class Remote {
  #seat;
  #name;

  /** @param {import('./seat.js').Seat} seat @param {SlotName} name */
  constructor(seat, name) {
    this.#seat = seat;
    this.#name = name;
  }

  /** It is on over there. */
  get active() {
    return this.#seat.carries(this.#name) !== 'off';
  }

  get muted() {
    return this.#seat.carries(this.#name) === 'muted';
  }

  get track() {
    return this.#seat.tracks[this.#name]?.track ?? null;
  }

  /** Holds this one track. */
  get stream() {
    return this.#seat.tracks[this.#name]?.stream ?? null;
  }
}

/**
 * Somebody else in the room.
 * @extends {Target<{statechange: {}, trackchange: {}, pathchange: {}}>}
 */
export class Participant extends Target {
  #seat;

  /** @param {import('./seat.js').Seat} seat */
  constructor(seat) {
    super();
    this.#seat = seat;
    this.camera = new Remote(seat, 'camera');
    this.microphone = new Remote(seat, 'microphone');
  }

  get id() {
    return this.#seat.id;
  }

  /** Who the server says that this is, or null. */
  get user() {
    return this.#seat.user;
  }

  /** What the room lets it do: nothing that a viewer sends is played. */
  get role() {
    return this.#seat.role;
  }

  /** @returns {string} */
  get name() {
    const name = this.#seat.data?.name;
    return typeof name === 'string' ? name : '';
  }

  get metadata() {
    return this.#seat.data?.metadata;
  }

  /** @returns {ParticipantState} */
  get state() {
    return this.#seat.state;
  }

  /** How media goes, once it does. */
  get path() {
    return this.#seat.path;
  }

  /** A way out: look, but leave its state alone. @returns {RTCPeerConnection | null} */
  get connection() {
    return this.#seat.connection;
  }

  /** An element that plays camera and microphone, and leaves the document with the participant. @returns {HTMLVideoElement} */
  video() {
    return this.#seat.video();
  }
}
