/**
 * The own camera and microphone before there is a room: opened for the
 * preview, handed over to the SDK as tracks when one joins.
 */

/** @typedef {import('./strings.js').Kind} Kind */

/** A mesh sends a picture to each of the others: half HD is what a laptop encodes five times. */
export const CAMERA = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 24, max: 30 }, facingMode: 'user' };
export const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const usual = { camera: CAMERA, microphone: MICROPHONE };

/** @type {Record<string, string>} */
const codes = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'no_device',
  NotReadableError: 'device_busy',
  AbortError: 'device_busy',
  OverconstrainedError: 'bad_constraints',
};

/**
 * What to ask for, if the device that was chosen may have been unplugged.
 * @param {MediaTrackConstraints} want
 * @param {MediaDeviceInfo[]} devices that are there
 * @returns {MediaTrackConstraints}
 */
export function available({ deviceId, ...want }, devices) {
  const chosen = /** @type {ConstrainDOMStringParameters | undefined} */ (deviceId)?.exact;
  return devices.some((d) => d.deviceId === chosen) ? { ...want, deviceId } : want;
}

/**
 * problem: a code; want: what is asked of the browser, here and later in the call
 * @typedef {{wanted: boolean, track: MediaStreamTrack | null, problem: string | null, want: MediaTrackConstraints}} Device
 */

/** Fires `change` whenever something about a device is different. */
export class Preview extends EventTarget {
  /** @type {Record<Kind, Device>} */
  devices = {
    camera: { wanted: true, track: null, problem: null, want: CAMERA },
    microphone: { wanted: true, track: null, problem: null, want: MICROPHONE },
  };
  /** The browser has been asked, and has not answered yet. */
  asking = false;
  /** What is known of the problems is not the last word. */
  opening = false;
  /** @type {Set<Kind>} what it has been asked for */ #asked = new Set();
  #closed = false;
  #navigator;
  /** @type {(() => void)[]} */ #offs = [];

  /** @param {Navigator} [platform] tests put their own */
  constructor(platform = navigator) {
    super();
    this.#navigator = platform;
  }

  /** Opens both. They are asked for at once (iOS gives one only, otherwise), and each alone if that fails. */
  async open() {
    this.#watch('camera');
    this.#watch('microphone');
    this.opening = true;
    await this.#openEach();
    this.opening = false;
    this.#changed();
  }

  async #openEach() {
    await this.#start(['camera', 'microphone']);
    const failed = this.#missing();
    if (failed.length !== 2) return;
    const denied = failed.every((kind) => this.devices[kind].problem === 'denied');
    // One that is missing or refused fails both: each gets its own chance, and its own reason.
    if (!denied || (await this.#differ())) for (const kind of failed) await this.#start([kind]);
  }

  /**
   * Turns a device on or off; off means that its light goes out.
   * @param {Kind} kind
   * @param {boolean} on
   */
  async turn(kind, on) {
    const device = this.devices[kind];
    device.wanted = on;
    if (on && !device.track) return this.#start([kind]);
    if (!on) this.#drop(kind);
    this.#changed();
  }

  /**
   * Takes this camera or microphone and no other. As a mere wish (`ideal`) it
   * would lose to another device that has a nicer size.
   * @param {Kind} kind
   * @param {string} deviceId
   */
  async use(kind, deviceId) {
    this.devices[kind].want = { ...usual[kind], deviceId: { exact: deviceId } };
    this.#drop(kind);
    await this.turn(kind, true);
  }

  /** The tracks now belong to the caller. @returns {Record<Kind, MediaStreamTrack | null>} */
  take() {
    const taken = { camera: this.devices.camera.track, microphone: this.devices.microphone.track };
    this.devices.camera.track = this.devices.microphone.track = null;
    this.close();
    return taken;
  }

  close() {
    this.#closed = true;
    for (const off of this.#offs.splice(0)) off();
    this.#drop('camera');
    this.#drop('microphone');
  }

  /** @returns {Kind[]} */
  #missing() {
    return /** @type {const} */ (['camera', 'microphone']).filter((k) => this.devices[k].wanted && !this.devices[k].track && !this.#closed);
  }

  /** @param {Kind[]} kinds */
  async #start(kinds) {
    const { mediaDevices } = this.#navigator;
    if (!mediaDevices?.getUserMedia) return this.#failed(kinds, globalThis.isSecureContext === false ? 'insecure_context' : 'unsupported');
    for (const kind of kinds) this.#asked.add(kind);
    this.asking = true;
    this.#changed();
    try {
      const stream = await mediaDevices.getUserMedia({
        video: kinds.includes('camera') && this.devices.camera.want,
        audio: kinds.includes('microphone') && this.devices.microphone.want,
      });
      for (const track of stream.getTracks()) this.#got(track.kind === 'video' ? 'camera' : 'microphone', track);
    } catch (error) {
      this.#failed(kinds, await this.#code(error, kinds[0]));
    } finally {
      for (const kind of kinds) this.#asked.delete(kind);
      this.asking = this.#asked.size > 0;
      this.#changed();
    }
  }

  /** @param {Kind} kind @param {MediaStreamTrack} track */
  #got(kind, track) {
    const device = this.devices[kind];
    if (this.#closed || !device.wanted || device.track) return track.stop(); // came too late
    Object.assign(device, { track, problem: null });
    track.addEventListener('ended', () => {
      if (device.track === track) Object.assign(device, { track: null, problem: 'no_device' });
      this.#changed();
    });
  }

  /** A refusal that left the permission open was none: the question was closed. @param {unknown} error @param {Kind} kind */
  async #code(error, kind) {
    const code = codes[/** @type {Error} */ (error).name] ?? 'unknown';
    return code === 'denied' && (await this.#permission(kind))?.state === 'prompt' ? 'dismissed' : code;
  }

  /** @param {Kind[]} kinds @param {string} problem */
  #failed(kinds, problem) {
    for (const kind of kinds) {
      this.devices[kind].problem = problem;
      if (problem === 'bad_constraints') this.devices[kind].want = usual[kind]; // the chosen one is gone: any will do
    }
    this.#changed();
  }

  /** @param {Kind} kind */
  #drop(kind) {
    const device = this.devices[kind];
    device.track?.stop();
    Object.assign(device, { track: null, problem: null });
  }

  /** Is one of the two refused and the other not? */
  async #differ() {
    const [camera, microphone] = await Promise.all([this.#permission('camera'), this.#permission('microphone')]);
    return camera?.state !== microphone?.state;
  }

  /** Who allows a device after all need not click again. @param {Kind} kind */
  async #watch(kind) {
    const status = await this.#permission(kind);
    if (!status || this.#closed) return;
    const retry = () => {
      const { wanted, track } = this.devices[kind];
      if (status.state === 'granted' && wanted && !track && !this.#asked.has(kind)) this.#start([kind]);
    };
    status.addEventListener('change', retry);
    this.#offs.push(() => status.removeEventListener('change', retry));
  }

  /** Firefox and Safari do not know every name. @param {Kind} kind @returns {Promise<PermissionStatus | null>} */
  async #permission(kind) {
    try {
      return await this.#navigator.permissions.query({ name: /** @type {PermissionName} */ (kind) });
    } catch {
      return null;
    }
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
