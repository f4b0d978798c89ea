/**
 * Names of rooms: what the server takes, what people type, and suggestions
 * that can be read out on the phone.
 */

const VALID = /^(?!\.{1,2}$)[A-Za-z0-9_.~-]{1,128}$/;

const first = ('amber bold brave brisk bright calm clear cosy crisp early fair fine fleet fresh gentle glad golden good ' +
  'grand green happy honest humble jolly keen kind light lively lucky mellow merry mild misty neat nimble noble open ' +
  'plucky polite prime proud quick quiet rapid ready rosy royal sharp silver simple smart smooth snug solid spry steady ' +
  'still sunny swift tidy true vivid warm wise').split(' ');
const second = ('badger beaver bison bobcat brook canyon cedar cliff cloud comet coral crane creek delta dolphin ember ' +
  'falcon fern finch fjord forest fox garden gecko glacier harbor hazel heron island jasper juniper koala lagoon lake ' +
  'lark lemur lotus lynx maple marten meadow moose nebula oasis orca otter owl panda pebble pine plover puffin quartz ' +
  'raven reef river robin seal sparrow summit tiger tulip walnut willow').split(' ');

/**
 * A room that is free, most likely: about 40 million of them, since whoever
 * knows the name can come in.
 * @param {() => number} [random] in [0, 1); tests put their own
 */
export function suggestion(random = secureRandom) {
  /** @param {string[]} words */
  const pick = (words) => words[Math.floor(random() * words.length)];
  const number = String(Math.floor(random() * 10_000)).padStart(4, '0');
  return `${pick(first)}-${pick(second)}-${number}`;
}

function secureRandom() {
  return crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
}

/**
 * The room meant by what somebody typed or pasted: a name as it is, a link to
 * a room, or words that become a name. Null if nothing usable is left.
 * @param {string} text
 * @returns {string | null}
 */
export function roomFrom(text) {
  const typed = text.trim();
  const query = /^https?:\/\/\S+$/i.test(typed) && URL.canParse(typed) ? new URL(typed).searchParams.get('room') : null;
  const name = query ?? typed;
  if (VALID.test(name)) return name;
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_.~]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 128)
    .toLowerCase();
  return VALID.test(plain) ? plain : null;
}

/**
 * Somebody's name as it is shown. Others choose theirs: it must not turn the
 * text around it, be pages long, grow out of its line, or look like none.
 * @param {string} name
 * @returns {string} '' if there is nothing to see
 */
export function shown(name) {
  const line = name
    .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
    .replace(/(\p{M}{3})\p{M}+/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(line) ? [...line].slice(0, 60).join('') : '';
}

/**
 * One or two letters for somebody without a picture; empty for nobody's name.
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((w) => [...w][0].toLocaleUpperCase()).join('');
}
