/** What the page says, in one place. One sentence per cause, and what to do about it. */

/** @typedef {'camera' | 'microphone'} Kind */

export const say = {
  title: 'signal',
  guest: 'Guest',
  you: 'You',
  lost: 'Connection lost. Reconnecting…',
  back: 'Connected again.',
  connecting: 'Connecting…',
  slowJoin: 'The server does not answer yet. Still trying…',
  password: 'Password of the room',
  password_required: 'This room has a password.',
  wrong_password: 'It is another password.',
  waiting: 'Waiting until somebody lets you in…',
  offline: 'You are offline. This goes on as soon as the network is back.',
  blocked: 'The browser keeps the sound off until you click.',
  copied: 'Link copied.',
  badRoom: 'Use letters, digits and - _ . ~ for the name of a room.',
  relayOnly: 'Relay only',
  relayOnlyWhy: 'Pictures and sound go through the relay, never directly',
  asking: 'Your browser asks for the camera and microphone. Allow them to be seen and heard.',
  starting: 'Starting your camera…',
  cameraOff: 'Your camera is off',

  /** @param {string} link */
  copyThis: (link) => `The browser does not let the link be copied. Here it is: ${link}`,
  /** @param {string} name */
  joined: (name) => `${name} joined.`,
  /** @param {string} name @param {string} [reason] */
  left: (name, reason) => {
    if (reason === 'timeout') return `${name} lost the connection.`;
    return reason === 'kicked' || reason === 'banned' ? `${name} was taken out.` : `${name} left.`;
  },
  /** @param {string} name */
  noPath: (name) => `No way through to ${name}, and the relay did not answer.`,
  /** @param {Kind} kind @param {boolean} on */
  turned: (kind, on) => `${kind === 'camera' ? 'Camera' : 'Microphone'} ${on ? 'on' : 'off'}.`,
  /** @param {string | null} path */
  path: (path) => (path === 'relay' ? 'Through the relay' : path === 'direct' ? 'Direct connection' : ''),
};

/** What stands on a tile that is not simply connected. @type {Record<string, string>} */
export const tileStates = {
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  away: 'Away',
  failed: 'No way through',
};

/**
 * Why there is no picture or sound from here.
 * @param {Kind} kind
 * @param {string} code of a SignalError
 */
export function deviceProblem(kind, code) {
  switch (code) {
    case 'denied':
      return `Your browser blocks the ${kind} for this site. Click the icon left of the address and allow it: it starts here by itself.`;
    case 'dismissed':
      return `The question about the ${kind} was not answered. Turn it on to be asked again.`;
    case 'no_device':
      return `No ${kind} found. You can join without one.`;
    case 'device_busy':
      return `Another program uses the ${kind}. Close it, then try again.`;
    case 'bad_constraints':
      return `No ${kind} fits. Plug in another one, then try again.`;
    case 'insecure_context':
      return 'Calls need https. At this address you can watch and listen, without camera and microphone.';
    case 'unsupported':
      return `This browser gives no access to a ${kind}. You can join without one.`;
    default:
      return `The ${kind} did not start. Try again, or join without it.`;
  }
}

/** The same, in a call. @param {Kind} kind @param {string} code */
export function deviceLost(kind, code) {
  if (code === 'denied') return `Your browser blocks the ${kind} for this site. Click the icon left of the address, allow it, and turn it on again here.`;
  return code === 'no_device' ? `No ${kind} found. The others do not ${kind === 'camera' ? 'see' : 'hear'} you.` : deviceProblem(kind, code);
}

/** The same for both devices at once. @param {string} code */
export function devicesProblem(code) {
  if (code === 'insecure_context') return deviceProblem('camera', code);
  return deviceProblem('camera', code)
    .replace('the camera', 'the camera and the microphone')
    .replace('No camera found. You can join without one.', 'No camera and no microphone found. You can join without them.')
    .replace(/allow it: it starts here by itself/, 'allow them: they start here by themselves')
    .replace(/Turn it on/, 'Turn them on');
}

/** @param {string} [text] that is no whole sentence */
const sentence = (text) => text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?”]$/.test(text) ? '' : '.'}`;

/** @typedef {{icon: string, title: string, text: string, again?: string}} Notice again: the label of what to do */

/**
 * Why one is not, or no longer, in the call, where that is a rule of the room.
 * @type {Record<string, Notice>}
 */
const rules = {
  room_full: { icon: 'people', title: 'This room is full', text: 'Wait until somebody leaves, or agree on another room.', again: 'Try again' },
  room_locked: { icon: 'lock', title: 'This room is locked', text: 'Nobody can come in until a host unlocks it.', again: 'Try again' },
  password_required: { icon: 'lock', title: 'This room has a password', text: 'Join again, and you are asked for it.', again: 'Try again' },
  wrong_password: { icon: 'lock', title: 'This room has another password now', text: 'Join again, and you are asked for it.', again: 'Try again' },
  lobby_full: { icon: 'people', title: 'Too many are waiting', text: 'As many wait for this room as may. Try again in a moment.', again: 'Try again' },
  duplicate_identity: { icon: 'people', title: 'You are in this room already', text: 'Leave it on your other device, then try again.', again: 'Try again' },
  bad_link: { icon: 'link', title: 'This link does not fit', text: 'It is not one to this room. Ask whoever sent it for another.' },
  link_expired: { icon: 'link', title: 'This link has ended', text: 'Its time is over. Ask whoever sent it for another.' },
  link_used: { icon: 'link', title: 'This link was used', text: 'As many have come by it as may. Ask whoever sent it for another.' },
  denied: { icon: 'lock', title: 'You were not let in', text: 'A host did not let you in.', again: 'Ask again' },
  timeout: { icon: 'lock', title: 'Nobody has let you in', text: 'Perhaps no host saw that you were waiting.', again: 'Ask again' },
  banned: { icon: 'lock', title: 'You are kept out of this room', text: 'A host keeps you out for some time.' },
  kicked: { icon: 'lock', title: 'You were taken out', text: 'A host has taken you out of the room.' },
  ended: { icon: 'leave', title: 'The call is over', text: 'A host has ended it for everybody.' },
};

/** Of these, the words of whoever did it are worth more than ours. */
const told = new Set(['denied', 'banned', 'kicked', 'ended']);

/**
 * Why one is not, or no longer, in the call.
 * @param {string} code of a SignalError, or the room's reason
 * @param {string} [message] the server's own explanation
 * @returns {Notice}
 */
export function notice(code, message) {
  const rule = rules[code];
  if (rule) return { ...rule, text: (told.has(code) && sentence(message)) || rule.text };
  switch (code) {
    case 'left':
      return { icon: 'leave', title: 'You left the call', text: 'The others can go on without you. Come back whenever you like.', again: 'Rejoin' };
    case 'replaced':
      return { icon: 'people', title: 'The call moved', text: 'This call is now open in another window. It can only be in one.', again: 'Use it here' };
    case 'bad_room':
      return { icon: 'warning', title: 'Not the name of a room', text: message || say.badRoom };
    case 'origin_not_allowed':
      return { icon: 'lock', title: 'The server refuses this page', text: message || 'The server takes no calls from this address.', again: 'Try again' };
    case 'unauthenticated':
    case 'forbidden':
      return { icon: 'lock', title: 'You may not join', text: message || 'The server refuses it.', again: 'Try again' };
    case 'insecure_context':
      return { icon: 'lock', title: 'Calls need https', text: 'Open this page at an address that begins with https.' };
    case 'unsupported':
      return { icon: 'warning', title: 'This browser cannot make calls', text: 'Use a current Chrome, Edge, Firefox or Safari.' };
    case 'unavailable':
    case 'rate_limited':
    case 'going_away':
      return { icon: 'warning', title: 'The server is busy', text: message || 'Try again in a moment.', again: 'Try again' };
    default:
      return { icon: 'warning', title: 'The call ended', text: message || 'Something went wrong.', again: 'Try again' };
  }
}
