import { SignalError } from './errors.js';

export const VERSION = 'signal.v1';

/**
 * One frame of signal.v1, either way. Which fields a type has: PROTOCOL.md,
 * section 4.
 * @typedef {{
 *   type: string, id?: number, seq?: number, ack?: number, re?: number,
 *   room?: string, to?: string, from?: string, pc?: number, gen?: number,
 *   n?: number, got?: number, base?: number, name?: string, rid?: string, ufrag?: string, end?: boolean, data?: any,
 *   versions?: string[], token?: string, nonce?: string, resume?: any,
 *   peer?: any, peers?: any, online?: boolean, ttl?: number, user?: string, users?: string[], invite?: string, via?: string, anyway?: boolean, busy?: boolean, resumed?: boolean, reason?: any, expires?: number,
 *   limits?: Limits, heartbeat?: {ping: number, dead: number}, ice?: ICE, candidates?: CandidatePolicy,
 *   role?: Role, password?: string, link?: string, rules?: any, for?: number, uses?: number,
 *   code?: string, text?: string, after?: number,
 * }} Frame
 */
/** @typedef {{id: string, offers: boolean, user?: string, role?: Role, away?: boolean, data?: any}} Peer */
/** A viewer sends no camera and no microphone. @typedef {'host' | 'participant' | 'viewer'} Role */
/** Which own candidates the server lets others have. @typedef {'all' | 'no-host' | 'relay'} CandidatePolicy */
/** @typedef {{list: RTCIceServer[], ttl: number}} ICE */
/** @typedef {{message: number, sdp: number, metadata: number, candidates: number, peers: number, rooms: number, rate: number, burst: number, bytes: number}} Limits */

/** What holds until a welcome says otherwise. @type {Limits} */
export const LIMITS = { message: 65536, sdp: 32768, metadata: 4096, candidates: 100, peers: 16, rooms: 32, rate: 50, burst: 200, bytes: 262144 };

const numbers = /** @type {const} */ (['id', 'seq', 'ack', 're', 'pc', 'gen', 'n', 'got', 'base', 'expires']);

const order = /** @type {const} */ (['id', 'ack', 'type', 'versions', 'token', 'nonce', 'resume', 'room', 'to', 'pc', 'gen', 'n', 'got', 'base', 'name', 'rid', 'ufrag', 'end', 'code',
  'for', 'role', 'uses', 'ttl', 'rules', 'text', 'user', 'users', 'invite', 'via', 'anyway', 'busy', 'reason', 'password', 'link', 'data']);

/**
 * The text of a frame, fields in the order that the specification prints.
 * @param {Frame} frame
 * @returns {string}
 */
export function encode(frame) {
  return JSON.stringify(Object.fromEntries(order.map((name) => [name, frame[name]])));
}

/**
 * Reads a frame of the server.
 * @param {unknown} text
 * @returns {Frame}
 */
export function decode(text) {
  let frame;
  try {
    frame = JSON.parse(/** @type {string} */ (text));
  } catch (cause) {
    throw new SignalError('bad_message', 'the server sent what is not JSON', { cause });
  }
  if (typeof frame?.type !== 'string') throw new SignalError('bad_message', 'the server sent a frame without a type');
  for (const name of numbers) {
    const value = frame[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) throw new SignalError('bad_message', `the server sent a frame with a wrong "${name}"`);
  }
  return frame;
}

const utf8 = new TextEncoder();

/**
 * Bytes of a text in UTF-8, which is what limits count.
 * @param {string} text
 */
export const size = (text) => utf8.encode(text).length;
