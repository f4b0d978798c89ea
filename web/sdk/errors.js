/** @typedef {'now' | 'after' | 'authenticate' | 'fresh' | 'never'} Retry */

/**
 * What each code means, as in section 8 of PROTOCOL.md: what to do, and the
 * close code of a link that it ends. With those that are left out the same
 * again never helps, and what they end, they end with a close code that says so.
 * @type {Record<string, {retry: Retry, close?: number}>}
 */
const codes = {
  unauthenticated: { retry: 'authenticate', close: 4401 },
  hello_timeout: { retry: 'now', close: 4408 },
  idle: { retry: 'now', close: 4407 },
  session_gone: { retry: 'fresh', close: 4410 },
  too_big: { retry: 'never', close: 1009 },
  not_text: { retry: 'never', close: 1003 },
  invalid_utf8: { retry: 'never', close: 1007 },
  rate_limited: { retry: 'after', close: 4429 },
  slow_consumer: { retry: 'now', close: 4430 },
  unavailable: { retry: 'after', close: 1013 },
  going_away: { retry: 'after', close: 1012 },
  internal: { retry: 'after', close: 1011 },
  // The SDK's own.
  unreachable: { retry: 'now' },
  timeout: { retry: 'now' },
  outcome_unknown: { retry: 'now' },
  ice_failed: { retry: 'now' },
};

/** A failure: a stable code for programs, a sentence for people. */
export class SignalError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{retry?: Retry, after?: number, status?: number, cause?: unknown, participant?: object, said?: string}} [more]
   */
  constructor(code, message, { retry, after, status, cause, participant, said } = {}) {
    super(message, { cause });
    this.name = 'SignalError';
    this.code = code;
    /** @type {Retry} What helps: the same again now, or after `after` ms, a new token, a new session, or nothing. */
    this.retry = retry ?? codes[code]?.retry ?? 'never';
    /** @type {number | undefined} milliseconds */
    this.after = after;
    /** @type {number | undefined} the HTTP status of a refused connection */
    this.status = status;
    /** @type {object | undefined} the Participant that it concerns */
    this.participant = participant;
    /** @type {string | undefined} the words of the host who did it; the message quotes them */
    this.said = said;
  }
}

/** It cannot be done any more. @param {'connection' | 'room'} [what] */
export const closed = (what = 'connection') => new SignalError('closed', `the ${what} is over`);

const out = /** @type {Record<string, string>} */ ({
  'peer-left kicked': 'A host has taken you out of the room',
  'peer-left banned': 'A host has taken you out of the room, and keeps you out for some time',
  'peer-left ended': 'A host has ended it for everybody',
  'peer-left forbidden': 'You may not be in this room any more',
  'peer-left replaced': 'You have joined this room anew elsewhere',
  'denied denied': 'A host did not let you in',
  'denied timeout': 'Nobody has let you in',
  'denied banned': 'You are kept out of this room',
  'denied ended': 'Nobody is in the room any more who could let you in',
});

/**
 * Why the server has one out of a room.
 * @param {string} type of the frame that says so: peer-left or denied
 * @param {string} reason
 * @param {string} [said] by the host, about it
 */
export function taken(type, reason, said) {
  const sentence = out[`${type} ${reason}`] ?? `You are out of the room (${reason})`;
  return new SignalError(reason, said ? `${sentence}: “${said}”` : `${sentence}.`, { said });
}

/**
 * The error that a server told in a frame.
 * @param {{code?: string, text?: string, after?: number}} frame
 */
export function fromFrame({ code = 'internal', text, after }) {
  return new SignalError(code, text || code, { after });
}

/**
 * Why a link ended. The reason of the close frame is the code; a close code
 * alone is judged by the table; no close frame at all means the network.
 * @param {{code: number, reason: string}} event
 */
export function fromClose({ code, reason }) {
  if (codes[reason]) return new SignalError(reason, reason);
  const known = Object.keys(codes).find((c) => codes[c].close === code);
  if (known) return new SignalError(known, reason || known);
  const never = code >= 4400 && code < 4500;
  return new SignalError(reason || 'unreachable', reason || 'the connection was lost', { retry: never ? 'never' : 'now' });
}

/**
 * A refused upgrade: an RFC 9457 body, or whatever stands in front of the
 * server.
 * @param {Response} response
 */
export async function fromResponse(response) {
  const { status } = response;
  const seconds = Number(response.headers.get('retry-after'));
  const body = await response.json().catch(() => ({}));
  const retry = status >= 500 || status === 429 ? 'after' : 'never';
  const code = typeof body?.code === 'string' ? body.code : status === 401 ? 'unauthenticated' : 'unreachable';
  return new SignalError(code, body?.detail || body?.title || `the server answered with status ${status}`, {
    status,
    after: seconds ? seconds * 1000 : undefined,
    retry: codes[code]?.close ? undefined : retry,
  });
}

const media = /** @type {Record<string, string>} */ ({
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'no_device',
  NotReadableError: 'device_busy',
  AbortError: 'device_busy',
  OverconstrainedError: 'bad_constraints',
  TypeError: 'bad_constraints',
});

/** @param {'camera' | 'microphone'} what */
const sentences = (what) => /** @type {Record<string, string>} */ ({
  denied: `The browser blocks the ${what} for this site.`,
  dismissed: `The question about the ${what} was not answered.`,
  no_device: `No ${what} found.`,
  device_busy: `Another program uses the ${what}.`,
  bad_constraints: `No ${what} can do what was asked of it.`,
  insecure_context: 'Calls need https.',
  unsupported: `This browser has no access to a ${what}.`,
});

/**
 * Why a camera or microphone did not start.
 * @param {'camera' | 'microphone'} what
 * @param {string} code
 * @param {unknown} [cause]
 */
export function mediaError(what, code, cause) {
  return new SignalError(code, sentences(what)[code] ?? code, { cause });
}

/**
 * The code for what getUserMedia threw.
 * @param {unknown} error
 * @param {string} [permission] state of the permission afterwards: a refusal that left it at `prompt` was none
 */
export function mediaCode(error, permission) {
  const code = media[/** @type {Error} */ (error)?.name] ?? 'unsupported';
  return code === 'denied' && permission === 'prompt' ? 'dismissed' : code;
}
