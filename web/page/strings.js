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
  left: (name, reason) => (reason === 'timeout' ? `${name} lost the connection.` : `${name} left.`),
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

/** @typedef {{icon: string, title: string, text: string, again?: string}} Notice again: the label of what to do */

/**
 * Why one is not, or no longer, in the call.
 * @param {string} code of a SignalError, or the room's reason
 * @param {string} [message] the server's own explanation
 * @returns {Notice}
 */
export function notice(code, message) {
  switch (code) {
    case 'left':
      return { icon: 'leave', title: 'You left the call', text: 'The others can go on without you. Come back whenever you like.', again: 'Rejoin' };
    case 'replaced':
      return { icon: 'people', title: 'The call moved', text: 'This call is now open in another window. It can only be in one.', again: 'Use it here' };
    case 'room_full':
      return { icon: 'people', title: 'This room is full', text: 'Wait until somebody leaves, or agree on another room.', again: 'Try again' };
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
