import { action, copy, deviceToggle, shortcuts } from './controls.js';
import { h, toggle } from './dom.js';
import { icon } from './icons.js';
import { available } from './media.js';
import { shown } from './names.js';
import { Stage } from './stage.js';
import { deviceLost, say } from './strings.js';
import { PersonTile, SelfTile } from './tile.js';
import { announce, toast } from './toast.js';
import { keepAwake } from './wake.js';

/** @typedef {import('./main.js').App} App */
/** @typedef {import('./main.js').Screen} Screen */
/** @typedef {import('./strings.js').Kind} Kind */
/** @typedef {import('../sdk/signal.js').Room} Room */
/** @typedef {import('../sdk/signal.js').Participant} Participant */

const BACK_SEEN = 2500;

/** @param {App} app @param {Room} room @param {import('./main.js').Wants} wants @returns {Screen} */
export function callScreen(app, room, wants) {
  return new Call(app, room, wants);
}

class Call {
  #app;
  #room;
  #wants;
  #link;
  #self;
  #stage;
  #borrowed;
  #over = false;
  /** @type {import('../sdk/signal.js').SignalError | undefined} of the room: the last one says why it failed */ #problem;
  /** @type {Set<Kind>} */ #busy = new Set();
  /** @type {(() => void)[]} */ #offs = [];

  #microphone = deviceToggle({ kind: 'microphone', keys: 'Control+D', onclick: () => this.#toggleMicrophone() });
  #camera = deviceToggle({ kind: 'camera', keys: 'Control+E', onclick: () => this.#toggleCamera() });
  #copy = action({ name: 'link', label: 'Copy link', test: 'copy', onclick: () => this.#copyLink() });
  #leave = action({ name: 'leave', label: 'Leave', test: 'leave', class: 'danger', onclick: () => this.#room.leave() });
  #status = h('span', { class: 'pill', 'data-test': 'status', hidden: true });
  #count = h('span', { class: 'count' });
  #sound = h('button', { type: 'button', class: 'button primary sound', 'data-test': 'sound', hidden: true, onclick: () => this.#play() }, icon('sound'), 'Turn on sound');

  /** @param {App} app @param {Room} room @param {import('./main.js').Wants} wants */
  constructor(app, room, wants) {
    this.#app = app;
    this.#room = room;
    this.#wants = wants;
    this.#link = app.invitation(room.name);
    // The preview opened these: the SDK plays them, and leaves it to us to stop them.
    this.#borrowed = [room.me.camera.track, room.me.microphone.track];
    this.title = `${room.name} · ${say.title}`;
    this.#self = new SelfTile(room.me);
    this.#stage = new Stage(this.#self, this.#invitation());
    this.element = this.#build();
    for (const participant of room.participants.values()) this.#add(participant);
    this.#listen();
    this.#update();
    this.#showState();
  }

  dispose() {
    this.#over = true;
    for (const off of this.#offs) off();
    this.#stage.dispose();
    for (const track of this.#borrowed) track?.stop();
    if (this.#room.state !== 'disconnected') this.#room.leave();
  }

  #build() {
    const relay = this.#app.relayOnly && h('span', { class: 'pill', title: say.relayOnlyWhy, 'data-test': 'relay-only' }, icon('relay'), say.relayOnly);
    return h(
      'main',
      { class: 'call', 'data-test': 'call' },
      h('header', { class: 'call-head' }, h('h1', { tabindex: -1 }, this.#room.name), this.#count, relay, this.#status),
      this.#stage.element,
      this.#sound,
      h(
        'div',
        { class: 'controls bar', role: 'group', 'aria-label': 'Call' },
        this.#microphone.element, this.#camera.element, this.#copy.element, this.#leave.element,
      ),
    );
  }

  /** What is in the middle while nobody else is here. */
  #invitation() {
    return h(
      'div',
      { class: 'alone', 'data-test': 'alone' },
      h('h2', {}, 'Nobody else is here yet'),
      h('p', { class: 'lead' }, 'Send this link to those you want to talk to. The call begins when they open it.'),
      h('p', { class: 'link', 'data-test': 'link' }, this.#link),
      h('button', { type: 'button', class: 'button primary', 'data-test': 'copy-big', onclick: () => this.#copyLink() }, icon('link'), 'Copy link'),
    );
  }

  #listen() {
    const room = this.#room;
    const { camera, microphone } = room.me;
    const update = () => this.#update();
    this.#offs.push(
      room.on('participantjoined', ({ participant }) => this.#joined(participant)),
      room.on('participantleft', ({ participant, reason }) => this.#left(participant, reason)),
      room.on('participantchanged', ({ participant }) => this.#stage.tiles.get(participant.id)?.update()),
      room.on('participantaway', ({ participant }) => this.#stage.tiles.get(participant.id)?.update()),
      room.on('participantback', ({ participant }) => this.#stage.tiles.get(participant.id)?.update()),
      room.on('statechange', () => this.#showState()),
      room.on('blocked', () => this.#blocked()),
      room.on('error', ({ error }) => this.#failed(error)),
      room.me.on('changed', update),
      camera.on('change', update),
      microphone.on('change', update),
      camera.on('error', ({ error }) => toast(deviceLost('camera', error.code), { urgent: true })),
      microphone.on('error', ({ error }) => toast(deviceLost('microphone', error.code), { urgent: true })),
      shortcuts({ d: () => this.#toggleMicrophone(), e: () => this.#toggleCamera() }),
      keepAwake(),
      this.#watchPictures(),
    );
  }

  #watchPictures() {
    const timer = setInterval(() => {
      for (const tile of this.#stage.tiles.values()) tile.watch(Date.now());
    }, 1000);
    return () => clearInterval(timer);
  }

  /** @param {Participant} participant */
  #add(participant) {
    this.#stage.add(participant.id, new PersonTile(participant));
    this.#update();
  }

  /** @param {Participant} participant */
  #joined(participant) {
    if (this.#stage.tiles.has(participant.id)) return;
    this.#add(participant);
    toast(say.joined(shown(participant.name) || say.guest));
  }

  /** @param {Participant} participant @param {string} reason */
  #left(participant, reason) {
    this.#stage.remove(participant.id);
    this.#update();
    toast(say.left(shown(participant.name) || say.guest, reason));
  }

  #update() {
    const { camera, microphone } = this.#room.me;
    this.#self.update();
    this.#camera.set({ on: camera.active && !camera.muted, problem: Boolean(camera.error), busy: this.#busy.has('camera') });
    this.#microphone.set({ on: microphone.active && !microphone.muted, problem: Boolean(microphone.error), busy: this.#busy.has('microphone') });
    const people = this.#stage.tiles.size + 1;
    this.#count.textContent = people > 1 ? `${people} people` : '';
    this.element.dataset.people = String(people);
  }

  /** The state of the connection to the server; pictures and sound do not depend on it. */
  #showState() {
    const { state, reason } = this.#room;
    const before = this.element.dataset.state;
    this.element.dataset.state = state;
    if (state === 'disconnected') return this.#ended(reason ?? 'failed');
    const lost = state !== 'connected';
    const words = state === 'reconnecting' ? say.lost : state === 'waiting' ? say.waiting : say.connecting;
    if (lost) this.#pill(words, 'warn');
    else if (before === 'reconnecting') {
      this.#pill(say.back, 'ok');
      setTimeout(() => this.#room.state === 'connected' && toggle(this.#status, false), BACK_SEEN);
    } else toggle(this.#status, false);
    if (lost || before === 'reconnecting') announce(lost ? words : say.back, { urgent: lost });
  }

  /** @param {string} text @param {'warn' | 'ok'} kind */
  #pill(text, kind) {
    this.#status.textContent = text;
    this.#status.className = `pill ${kind}`;
    toggle(this.#status, true);
  }

  /** @param {string} reason */
  #ended(reason) {
    if (this.#over) return;
    const why = reason === 'failed' || this.#problem?.code === reason ? this.#problem : undefined;
    this.#app.notice(why?.code ?? reason, why?.message);
  }

  /** @param {import('../sdk/signal.js').SignalError & {participant?: object}} error */
  #failed(error) {
    const participant = /** @type {Participant | undefined} */ (error.participant);
    if (error.code !== 'ice_failed' || !participant) {
      this.#problem = error;
      return;
    }
    this.#stage.tiles.get(participant.id)?.fail();
    toast(say.noPath(shown(participant.name) || say.guest), { urgent: true });
  }

  #toggleMicrophone() {
    const { microphone } = this.#room.me;
    this.#turn('microphone', !microphone.active || microphone.muted, async (on) => {
      if (!microphone.active) await microphone.start(await this.#want('microphone'));
      if (microphone.muted === on) await microphone.mute(!on);
    });
  }

  /** Off means that the light of the camera goes out, so it is stopped and not only muted. */
  #toggleCamera() {
    const { camera } = this.#room.me;
    this.#turn('camera', !camera.active || camera.muted, async (on) => {
      const { track } = camera;
      if (!on) {
        await camera.stop();
        track?.stop();
      } else if (camera.active) await camera.mute(false);
      else await camera.start(await this.#want('camera'));
    });
  }

  /** @param {Kind} kind */
  async #want(kind) {
    return available(this.#wants[kind], await this.#app.devices.list());
  }

  /**
   * One change of a device at a time.
   * @param {Kind} kind
   * @param {boolean} on
   * @param {(on: boolean) => Promise<void>} change rejects with what the device's error event says
   */
  async #turn(kind, on, change) {
    if (this.#busy.has(kind)) return;
    this.#busy.add(kind);
    this.#update();
    try {
      await change(on);
      announce(say.turned(kind, on));
    } catch {
      // The device's error event says why.
    } finally {
      this.#busy.delete(kind);
      if (!this.#over) this.#update();
    }
  }

  async #copyLink() {
    if (await copy(this.#link)) {
      this.#copy.flash('check', 'Copied');
      return toast(say.copied);
    }
    toast(say.copyThis(this.#link), { urgent: true });
  }

  #blocked() {
    toggle(this.#sound, true);
    announce(say.blocked);
  }

  async #play() {
    await this.#room.play();
    toggle(this.#sound, false);
  }
}
