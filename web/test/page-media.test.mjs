import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Preview, available } from '../page/media.js';
import { deviceProblem, devicesProblem, notice } from '../page/strings.js';

/** A track that knows whether it was stopped. */
class Track extends EventTarget {
  readyState = 'live';
  /** @param {'audio' | 'video'} kind */
  constructor(kind) {
    super();
    this.kind = kind;
  }
  stop() {
    this.readyState = 'ended';
  }
}

/**
 * A browser: what each device does when it is asked for.
 * @param {{camera?: string, microphone?: string, permissions?: Record<string, string>}} answers the name of an error; none: a track
 */
function browser({ camera, microphone, permissions = {} }) {
  /** @type {Record<string, EventTarget & {state?: string}>} */
  const states = {};
  /** @type {string[]} */
  const asked = [];
  const answers = { camera, microphone };
  const platform = {
    mediaDevices: {
      /** @param {MediaStreamConstraints} constraints */
      async getUserMedia({ video, audio }) {
        asked.push([video && 'camera', audio && 'microphone'].filter(Boolean).join('+'));
        const error = (video && answers.camera) || (audio && answers.microphone);
        if (error) throw Object.assign(new Error(), { name: error });
        const tracks = [video && new Track('video'), audio && new Track('audio')].filter(Boolean);
        return { getTracks: () => tracks };
      },
    },
    permissions: {
      /** @param {{name: string}} query */
      query: async ({ name }) => (states[name] ??= Object.assign(new EventTarget(), { state: permissions[name] ?? 'prompt' })),
    },
  };
  return { navigator: /** @type {Navigator} */ (/** @type {unknown} */ (platform)), asked, states, answers };
}

test('both devices are asked for in one question', async () => {
  const { navigator, asked } = browser({});
  const preview = new Preview(navigator);
  await preview.open();
  assert.deepEqual(asked, ['camera+microphone']);
  assert.ok(preview.devices.camera.track && preview.devices.microphone.track);
});

test('without a camera there is still a microphone, and a reason', async () => {
  const { navigator, asked } = browser({ camera: 'NotFoundError' });
  const preview = new Preview(navigator);
  await preview.open();
  assert.deepEqual(asked, ['camera+microphone', 'camera', 'microphone']);
  assert.equal(preview.devices.camera.problem, 'no_device');
  assert.equal(preview.devices.microphone.problem, null);
  assert.ok(preview.devices.microphone.track);
});

test('a problem is the last word only at the end', async () => {
  const { navigator } = browser({ camera: 'NotFoundError' });
  const preview = new Preview(navigator);
  /** @type {(string | null)[]} */
  const told = [];
  preview.addEventListener('change', () => preview.opening || told.push(preview.devices.camera.problem, preview.devices.microphone.problem));
  await preview.open();
  assert.deepEqual(told, ['no_device', null]);
});

test('who refused both is not asked again', async () => {
  const { navigator, asked } = browser({ camera: 'NotAllowedError', microphone: 'NotAllowedError', permissions: { camera: 'denied', microphone: 'denied' } });
  const preview = new Preview(navigator);
  await preview.open();
  assert.deepEqual(asked, ['camera+microphone']);
  assert.equal(preview.devices.microphone.problem, 'denied');
});

test('a permission that is given later starts the device by itself', async () => {
  const { navigator, states, answers } = browser({ camera: 'NotAllowedError', permissions: { camera: 'denied', microphone: 'granted' } });
  const preview = new Preview(navigator);
  await preview.open();
  assert.equal(preview.devices.camera.problem, 'denied');
  answers.camera = undefined;
  states.camera.state = 'granted';
  states.camera.dispatchEvent(new Event('change'));
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(preview.devices.camera.track);
  assert.equal(preview.devices.camera.problem, null);
});

test('permissions that are given later, together, start both devices', async () => {
  const { navigator, states, answers } = browser({ camera: 'NotAllowedError', microphone: 'NotAllowedError', permissions: { camera: 'denied', microphone: 'denied' } });
  const preview = new Preview(navigator);
  await preview.open();
  answers.camera = answers.microphone = undefined;
  for (const state of Object.values(states)) {
    state.state = 'granted';
    state.dispatchEvent(new Event('change'));
  }
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(preview.devices.camera.track && preview.devices.microphone.track);
  assert.equal(preview.asking, false);
});

test('a closed question is not a refusal', async () => {
  const { navigator } = browser({ camera: 'NotAllowedError', microphone: 'NotAllowedError' });
  const preview = new Preview(navigator);
  await preview.open();
  assert.equal(preview.devices.camera.problem, 'dismissed');
});

test('a device that was turned off, or comes after the screen is gone, is stopped', async () => {
  const { navigator } = browser({});
  const preview = new Preview(navigator);
  await preview.open();
  const { track } = preview.devices.camera;
  await preview.turn('camera', false);
  assert.equal(track?.readyState, 'ended');
  const late = new Preview(navigator);
  const opening = late.open();
  late.close();
  await opening;
  assert.equal(late.devices.camera.track, null);
  assert.equal(late.devices.microphone.track, null);
});

test('the chosen device is asked for as long as it is there', () => {
  const want = { width: 960, deviceId: { exact: 'a' } };
  const devices = /** @type {MediaDeviceInfo[]} */ ([{ deviceId: 'a' }, { deviceId: 'b' }]);
  assert.deepEqual(available(want, devices), want);
  assert.deepEqual(available(want, devices.slice(1)), { width: 960 });
  assert.deepEqual(available({ width: 960 }, devices), { width: 960 });
});

test('a chosen device that is gone is not asked for again', async () => {
  const { navigator, answers } = browser({});
  const preview = new Preview(navigator);
  await preview.open();
  answers.camera = 'OverconstrainedError';
  await preview.use('camera', 'gone');
  assert.equal(preview.devices.camera.problem, 'bad_constraints');
  assert.equal(preview.devices.camera.want.deviceId, undefined);
});

test('tracks that were taken are not stopped', async () => {
  const { navigator } = browser({});
  const preview = new Preview(navigator);
  await preview.open();
  const { camera, microphone } = preview.take();
  assert.equal(camera?.readyState, 'live');
  assert.equal(microphone?.readyState, 'live');
});

test('every code has a sentence of its own, and a person can act on it', () => {
  for (const code of ['denied', 'dismissed', 'no_device', 'device_busy', 'bad_constraints', 'insecure_context', 'unsupported', 'anything']) {
    for (const text of [deviceProblem('camera', code), deviceProblem('microphone', code), devicesProblem(code)]) assert.match(text, /^[A-Z].*\.$|: it starts|: they start/);
  }
  assert.match(devicesProblem('denied'), /the camera and the microphone .* allow them: they start/);
});

test('the server explains a refused origin in its own words', () => {
  assert.equal(notice('origin_not_allowed', 'start the server with --origins').text, 'start the server with --origins');
});

test('why a rule keeps one out is said in words of the page, and a host is quoted', () => {
  assert.equal(notice('kicked', 'A host has taken you out of the room: “sorry”').text, 'A host has taken you out of the room: “sorry”');
  assert.equal(notice('banned', 'you may not come back yet').text, 'You may not come back yet.');
  assert.equal(notice('ended').text, 'A host has ended it for everybody.');
  assert.equal(notice('room_locked', 'room "x" is locked').text, 'Nobody can come in until a host unlocks it.');
});
