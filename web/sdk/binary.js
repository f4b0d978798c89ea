import { SignalError } from './errors.js';

/** A binary value as it goes over the wire, in the data of events and messages. @typedef {{$bin: string}} Binary */

/**
 * @param {ArrayBuffer | ArrayBufferView} value
 * @returns {Binary}
 */
export function binary(value) {
  const all = ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
  let text = '';
  for (const byte of all) text += String.fromCharCode(byte);
  return { $bin: btoa(text) };
}

/**
 * What binary was made of. Throws `bad_message` for anything else.
 * @param {any} value
 * @returns {Uint8Array}
 */
export function bytes(value) {
  const wrong = (/** @type {unknown} */ cause) => new SignalError('bad_message', 'this is no binary value: {$bin: base64}', { cause });
  if (typeof value?.$bin !== 'string' || Object.keys(value).length > 1) throw wrong(value);
  try {
    return Uint8Array.from(atob(value.$bin), (char) => char.charCodeAt(0));
  } catch (error) {
    throw wrong(error);
  }
}
