import { SignalError, mediaCode, mediaError } from './errors.js';
import { Target } from './events.js';

/** @typedef {'camera' | 'microphone'} Kind */
/** @typedef {import('./probe.js').Env} Env */
/** @typedef {boolean | MediaTrackConstraints | MediaStreamTrack} Want */

const kinds = /** @type {const} */ ({ camera: 'video', microphone: 'audio' });

/** What `true` stands for. @type {Record<Kind, MediaTrackConstraints>} */
const usual = {
  camera: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
  microphone: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
};

/**
 * @param {Env} env
 * @param {Kind} kind
 * @returns {Promise<PermissionState | 'unknown'>}
 */
export async function permission(env, kind) {
  try {
    return (await env.navigator?.permissions.query({ name: /** @type {PermissionName} */ (kind) }))?.state ?? 'unknown';
  } catch {
    return 'unknown'; // this browser does not know the name
  }
}

/**
 * Asks for devices: for all at once, so that there is one question, then for
 * each alone if that fails. Never throws.
 * @param {Env} env
 * @param {{[K in Kind]?: true | MediaTrackConstraints}} wants
 * @returns {Promise<{[K in Kind]?: MediaStreamTrack | SignalError}>}
 */
export async function capture(env, wants) {
  const asked = /** @type {Kind[]} */ (Object.keys(wants));
  const devices = env.navigator?.mediaDevices;
  if (!devices?.getUserMedia) {
    const code = env.isSecureContext === false ? 'insecure_context' : 'unsupported';
    return Object.fromEntries(asked.map((kind) => [kind, mediaError(kind, code)]));
  }
  try {
    const stream = await devices.getUserMedia(Object.fromEntries(asked.map((k) => [kinds[k], wants[k] === true ? usual[k] : wants[k]])));
    return Object.fromEntries(asked.map((kind) => [kind, stream.getTracks().find((t) => t.kind === kinds[kind]) ?? mediaError(kind, 'no_device')]));
  } catch (cause) {
    const states = Object.fromEntries(await Promise.all(asked.map(async (k) => [k, await permission(env, k)])));
    const results = await Promise.all(asked.map(async (kind) => {
      const code = mediaCode(cause, states[kind]);
      const alone = asked.length > 1 && mayAskAlone(code, states, kind);
      return [kind, alone ? (await capture(env, { [kind]: wants[kind] }))[kind] : mediaError(kind, code, cause)];
    }));
    return Object.fromEntries(results);
  }
}

/**
 * A refusal may have been about the other device alone. Who was asked and
 * refused is not asked twice.
 * @param {string} code
 * @param {Record<string, string>} states
 * @param {Kind} kind
 */
function mayAskAlone(code, states, kind) {
  if (code !== 'denied' && code !== 'dismissed') return true;
  const other = states[kind === 'camera' ? 'microphone' : 'camera'];
  return states[kind] === 'granted' || (states[kind] === 'prompt' && other === 'denied');
}

/**
 * The cameras, microphones and speakers of this machine.
 * @extends {Target<{change: {}}>}
 */
export class Devices extends Target {
  #env;

  /** @param {Env} env */
  constructor(env) {
    super();
    this.#env = env;
    env.navigator?.mediaDevices?.addEventListener?.('devicechange', () => this.fire('change'));
  }

  /**
   * Labels and ids are there once a permission has been granted.
   * @param {MediaDeviceKind} [kind]
   * @returns {Promise<MediaDeviceInfo[]>}
   */
  async list(kind) {
    const all = (await this.#env.navigator?.mediaDevices?.enumerateDevices()) ?? [];
    return all.filter((d) => !kind || d.kind === kind);
  }

  /**
   * `unknown`: this browser does not tell.
   * @param {Kind} kind
   */
  permission(kind) {
    return permission(this.#env, kind);
  }
}
