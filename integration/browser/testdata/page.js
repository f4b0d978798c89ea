const $ = (selector) => document.querySelector(selector);

$("#count").addEventListener("click", (event) => {
  event.target.textContent = Number(event.target.textContent) + (event.isTrusted ? 1 : 1000);
});
$("#late").addEventListener("click", (event) => (event.target.textContent = "clicked"));
$("#far").addEventListener("click", (event) => (event.target.textContent = "reached"));
$("#name").addEventListener("change", (event) => ($("#greeting").value = `Hello, ${event.target.value}!`));

/** Two connections in one page that send the camera from one to the other. */
async function call() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 }, audio: true });
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = ({ candidate }) => b.addIceCandidate(candidate);
  b.onicecandidate = ({ candidate }) => a.addIceCandidate(candidate);
  for (const track of stream.getTracks()) a.addTrack(track, stream);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  globalThis.receiver = b;
}

async function framesDecoded() {
  for (const report of (await globalThis.receiver.getStats()).values())
    if (report.type === "inbound-rtp" && report.kind === "video") return report.framesDecoded ?? 0;
  return 0;
}
