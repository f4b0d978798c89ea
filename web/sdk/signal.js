/**
 * Video calls over a signal server. README.md beside this file is the manual.
 *
 *     import { join } from '/sdk/signal.js';
 *     const room = await join('standup', { camera: true, microphone: true });
 *     for await (const participant of room) document.body.append(participant.video());
 */
import { Client } from './client.js';
import { Devices } from './devices.js';

export { Client };
export { binary, bytes } from './binary.js';
export { SignalError } from './errors.js';
/** @typedef {import('./client.js').ConnectOptions} ConnectOptions */
/** @typedef {import('./client.js').JoinOptions} JoinOptions */
/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./participant.js').Participant} Participant */
/** @typedef {import('./participant.js').Remote} Remote */
/** @typedef {import('./lobby.js').Knocker} Knocker */
/** @typedef {import('./moderation.js').Rules} Rules */
/** @typedef {import('./moderation.js').RulesUpdate} RulesUpdate */
/** @typedef {import('./wire.js').Role} Role */
/** @typedef {import('./calls.js').Call} Call */
/** @typedef {import('./calls.js').Invitation} Invitation */
/** @typedef {import('./me.js').Me} Me */
/** @typedef {import('./source.js').Source} Source */

/** The cameras, microphones and speakers of this machine. */
export const devices = new Devices(/** @type {import('./probe.js').Env} */ (/** @type {unknown} */ (globalThis)));

/**
 * Connects to a server. Rejects with a SignalError if that cannot succeed.
 * @param {ConnectOptions} [options]
 * @returns {Promise<Client>}
 */
export async function connect(options) {
  const client = new Client(options);
  await client.connected();
  return client;
}

/**
 * Joins a room over a connection of its own, in one round trip.
 * @param {string} room
 * @param {JoinOptions} [options]
 * @returns {Promise<Room>}
 */
export async function join(room, options) {
  return new Client(options, room).join(room, options);
}
