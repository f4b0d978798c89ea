// An expression that makes the connections of this page countable, and lets ICE
// fail at will: what the SDK hears of it is an event and a state, and both can
// be had without pulling a cable. To be evaluated before the call.
(() => {
  window.made = 0;
  window.negotiated = 0;
  window.RTCPeerConnection = class extends RTCPeerConnection {
    #told;

    constructor(...args) {
      super(...args);
      window.made++;
      this.addEventListener('signalingstatechange', () => { if (this.signalingState === 'stable') window.negotiated++; });
    }

    get connectionState() {
      return this.#told ?? super.connectionState;
    }

    /** Failed for a moment, as when a network changes. */
    fail() {
      if (super.connectionState !== 'connected') return;
      for (this.#told of ['failed', undefined]) this.dispatchEvent(new Event('connectionstatechange'));
    }
  };
  return true;
})()
