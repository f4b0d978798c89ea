// What the tests of the call page ask a page, beside its own hooks: an
// expression that is a function of the room (window.signalRoom) to questions.
// With several people a question is about the one who is here for longest.
(room) => {
  const first = () => [...room.participants.values()][0];
  const reports = async () => {
    const connection = first()?.connection;
    return connection ? [...(await connection.getStats()).values()] : [];
  };

  /** Draws what a video shows to a canvas of this size; null while it shows nothing. */
  const draw = (selector, width, height) => {
    const video = document.querySelector(`${selector} video`);
    if (!video?.videoWidth) return null;
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, width, height);
    return (x, y) => context.getImageData(x, y, 1, 1).data;
  };

  return {
    /** What has arrived so far: pictures and sound. */
    async inbound() {
      const total = { frames: 0, samples: 0, energy: 0 };
      for (const s of await reports()) {
        if (s.type !== 'inbound-rtp') continue;
        total.frames += s.framesDecoded ?? 0;
        total.samples += s.totalSamplesReceived ?? 0;
        total.energy += s.totalAudioEnergy ?? 0;
      }
      return total;
    },

    /** More pictures and more sound than before, and the sound is no silence. */
    async flowsSince({ frames, samples, energy }) {
      const now = await this.inbound();
      return now.frames > frames + 10 && now.samples > samples && now.energy > energy;
    },

    /** The candidates of the selected pair, as "relay udp relay". */
    async path() {
      const stats = await reports();
      const byId = (id) => stats.find((s) => s.id === id);
      const pair = byId(stats.find((s) => s.type === 'transport')?.selectedCandidatePairId);
      const local = byId(pair?.localCandidateId);
      return `${local?.candidateType} ${local?.protocol} ${byId(pair?.remoteCandidateId)?.candidateType}`;
    },

    /** What the local end of the selected pair is relayed by, as "tls turns:…". */
    async relayedBy() {
      const stats = await reports();
      const byId = (id) => stats.find((s) => s.id === id);
      const pair = byId(stats.find((s) => s.type === 'transport')?.selectedCandidatePairId);
      const local = byId(pair?.localCandidateId);
      return `${local?.relayProtocol} ${local?.url}`;
    },

    /** The colour of a picture beside its moving bar: red, blue, or what it is instead. */
    colour(selector) {
      const at = draw(selector, 32, 18);
      if (!at) return 'nothing';
      const [r, g, b] = at(16, 2);
      if (r > 150 && g < 100 && b < 100) return 'red';
      if (b > 150 && r < 100 && g < 100) return 'blue';
      return `rgb(${r}, ${g}, ${b})`;
    },

    /** The sixteen blocks at the bottom of a robot's picture: see package media. */
    strip(selector) {
      const at = draw(selector, 256, 144);
      if (!at) return null;
      const bits = Array.from({ length: 16 }, (_, i) => {
        const [r, g, b] = at(16 * i + 8, 136);
        return 0.299 * r + 0.587 * g + 0.114 * b > 128 ? 1 : 0;
      });
      const ones = (parity) => bits.filter((bit, i) => bit && i % 2 === parity).length;
      if (ones(0) % 2 !== 1 || ones(1) % 2 !== 1) return null;
      const number = (from, to) => bits.slice(from, to).reduce((n, bit) => 2 * n + bit, 0);
      return { sender: number(0, 4), frame: number(4, 14) };
    },

    /** The strips of the next n pictures that have one, and when each was shown, in ms. */
    async strips(selector, n) {
      const video = document.querySelector(`${selector} video`);
      const strips = [];
      while (strips.length < n) {
        const at = await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        const strip = this.strip(selector);
        if (strip) strips.push({ ...strip, at });
      }
      return strips;
    },

    /** N m-lines of a kind are there to receive, and packets come on each. */
    async receives(kind, n) {
      const lines = (first()?.connection?.getTransceivers() ?? []).filter((t) => t.receiver.track.kind === kind && /sendrecv|recvonly/.test(t.currentDirection));
      const packets = async () => new Map((await reports()).filter((s) => s.type === 'inbound-rtp').map((s) => [s.mid, s.packetsReceived]));
      const before = await packets();
      await new Promise((resolve) => setTimeout(resolve, 300)); // fifteen packets of sound
      const now = await packets();
      return lines.length === n && lines.every(({ mid }) => now.get(mid) > (before.get(mid) ?? 0));
    },
  };
}
