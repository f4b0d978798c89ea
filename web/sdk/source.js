import { SignalError, mediaError } from './errors.js';
import { Target } from './events.js';
import { capture } from './devices.js';

/** @typedef {import('./devices.js').Kind} Kind */
/** @typedef {import('./devices.js').Want} Want */

/** @param {unknown} want @returns {want is MediaStreamTrack} */
const isTrack = (want) => typeof want === 'object' && want !== null && 'readyState' in want;

/**
 * My camera or my microphone.
 * @extends {Target<{change: {}, error: {error: SignalError}}>}
 */
export class Source extends Target {
  #env;
  #kind;
  /** @type {MediaStreamTrack | null} */ #track = null;
  /** @type {MediaStream | null} */ #stream = null;
  #borrowed = false; // the track is the application's: it is not ours to stop
  #muted = false;
  /** @type {SignalError | null} */ #error = null;
  #run = 0; // of start and stop: what an older one brings is not wanted any more
  /** @type {(() => void) | null} */ #unlisten = null;

  /** @param {import('./probe.js').Env} env @param {Kind} kind */
  constructor(env, kind) {
    super();
    this.#env = env;
    this.#kind = kind;
  }

  get active() {
    return this.#track !== null;
  }

  get track() {
    return this.#track;
  }

  /** Holds this one track; null while the source is off. */
  get stream() {
    return this.#stream;
  }

  get muted() {
    return this.#muted;
  }

  /** Why it is off, if somebody wanted it on. */
  get error() {
    return this.#error;
  }

  get deviceId() {
    return this.#track?.getSettings().deviceId ?? null;
  }

  /**
   * Turns the device on, or changes it while it is on.
   * @param {Want} [want]
   */
  async start(want = true) {
    if (want === false) return this.stop();
    if (isTrack(want)) return this.#use(want, true);
    await this.adopt(capture(this.#env, { [this.#kind]: want }).then((got) => got[this.#kind]));
  }

  /**
   * Waits for a track that was asked for together with another one.
   * @param {Promise<MediaStreamTrack | SignalError | undefined>} captured
   */
  async adopt(captured) {
    const run = ++this.#run;
    const got = await captured;
    if (run !== this.#run) {
      if (isTrack(got)) got.stop();
      throw new SignalError('aborted', `the ${this.#kind} was stopped or started again meanwhile`);
    }
    if (!isTrack(got)) throw this.#fail(got ?? mediaError(this.#kind, 'unsupported'));
    this.#use(got, false);
  }

  stop() {
    this.#run++;
    this.#error = null;
    if (!this.#track) return;
    this.#release();
    this.fire('change');
  }

  /** Keeps the device on and sends silence, or black. */
  mute(on = true) {
    this.#muted = on;
    if (this.#track) this.#track.enabled = !on;
    this.fire('change');
  }

  /** @param {MediaStreamTrack} track @param {boolean} borrowed */
  #use(track, borrowed) {
    this.#run++;
    if (track !== this.#track) this.#release();
    this.#track = track;
    this.#borrowed = borrowed;
    this.#error = null;
    this.#stream = this.#env.MediaStream ? new this.#env.MediaStream([track]) : null;
    track.enabled = !this.#muted;
    const ended = () => this.#fail(mediaError(this.#kind, 'no_device')); // unplugged, or the permission was taken back
    track.addEventListener('ended', ended);
    this.#unlisten = () => track.removeEventListener('ended', ended);
    this.fire('change');
  }

  #release() {
    this.#unlisten?.();
    if (!this.#borrowed) this.#track?.stop();
    this.#track = this.#stream = this.#unlisten = null;
  }

  /** @param {SignalError} error */
  #fail(error) {
    if (this.#track?.readyState === 'ended') this.#release();
    this.#error = error;
    this.fire('error', { error });
    this.fire('change');
    return error;
  }
}

/**
 * Turns on what is wanted, with one question for both devices. Never throws:
 * why something did not start is in its `error`.
 * @param {import('./probe.js').Env} env
 * @param {{[K in Kind]: Source}} sources
 * @param {{[K in Kind]?: Want}} wants
 */
export async function startSources(env, sources, wants) {
  const asked = /** @type {Kind[]} */ (['camera', 'microphone']).filter((kind) => wants[kind]);
  const devices = asked.filter((kind) => !isTrack(wants[kind]));
  const captured = devices.length ? capture(env, Object.fromEntries(devices.map((kind) => [kind, wants[kind]]))) : null;
  await Promise.allSettled(asked.map((kind) => {
    if (!captured || !devices.includes(kind)) return sources[kind].start(wants[kind]);
    return sources[kind].adopt(captured.then((got) => got[kind]));
  }));
}
