"""A signal.v1 client written from PROTOCOL.md alone: /usr/bin/python3 rawclient.py URL ROOM first|second|pair"""

import asyncio
import json
import secrets
import sys

import websockets


class Peer:
    """Another peer, and the numbers of the frames to and from it (section 6)."""

    def __init__(self, info: dict) -> None:
        self.id, self.offers = info["id"], info["offers"]
        self.sent = self.confirmed = self.received = 0  # highest n: to it; of these in its got; had from it in order
        self.early: dict[int, dict] = {}

    def take(self, frame: dict) -> list[dict]:
        """Count a frame from this peer; return those whose turn it is now."""
        n, got, base = (frame.get(name, 0) for name in ("n", "got", "base"))
        self.confirmed = max(self.confirmed, got)
        if n > self.received:
            self.early[n] = frame
        ready = [self.early.pop(n) for n in sorted(self.early) if n < base]
        self.received = max(self.received, base - 1)
        while self.received + 1 in self.early:
            self.received += 1
            ready.append(self.early.pop(self.received))
        return ready


class Session:
    """A session in one room, over one link after the other; it confirms every frame at once (section 5)."""

    def __init__(self, url: str, room: str) -> None:
        self.url, self.room = url.replace("http", "ws", 1).rstrip("/") + "/ws", room
        self.link: websockets.WebSocketClientProtocol | None = None
        self.welcome: dict = {}
        self.last_id = self.seq = 0
        self.unacked: list[dict] = []  # own frames that the server has not acknowledged
        self.ready: list[dict] = []  # frames for the application
        self.peers: dict[str, Peer] = {}

    async def connect(self) -> None:
        """Open a link and say hello; or resume, and send again what the server does not have."""
        self.link = await websockets.connect(self.url, subprotocols=["signal.v1"], compression=None, close_timeout=1)
        hello = {"type": "hello"}
        if old := self.welcome:
            hello["resume"] = {"token": old["resume"]["token"], "seq": self.seq, "nonce": old["nonce"]}
        await self.link.send(json.dumps(hello))
        new = json.loads(await self.link.recv())
        assert new["type"] == "welcome" and new["resumed"] is bool(old), f"answer to {hello}: {new}"
        assert new["peer"] == old.get("peer", new["peer"]), f"resumed as another peer: {new}"
        self.welcome = {**new, "nonce": secrets.token_urlsafe(16)}  # for the next resume
        self.unacked = [own for own in self.unacked if own["id"] > new.get("ack", 0)]
        assert len(self.unacked) == self.last_id - new.get("ack", 0), f"{self.unacked} do not follow {new}"
        for own in self.unacked:
            await self.write(own)

    async def write(self, frame: dict) -> None:
        if self.link:
            await self.link.send(json.dumps({**frame, "ack": self.seq}))

    async def send(self, kind: str, to: Peer | None = None, **fields: object) -> None:
        """Send a frame with an id, to a peer also with n and got; without a link it goes out on the next one."""
        self.last_id += 1
        frame = {"id": self.last_id, "type": kind, "room": self.room, **fields}
        if to:
            frame |= {"to": to.id, "got": to.received}
        if to and kind != "got":
            frame["n"] = to.sent = to.sent + 1
        self.unacked.append(frame)
        await self.write(frame)

    async def receive(self) -> None:
        frame = json.loads(await asyncio.wait_for(self.link.recv(), self.welcome["heartbeat"]["dead"] / 1000))
        self.unacked = [own for own in self.unacked if own["id"] > frame.get("ack", 0)]
        if frame["type"] == "ping":
            await self.write({"type": "pong"})
        if frame["type"] in ("ping", "pong", "ack"):
            return
        assert frame.get("seq") == self.seq + 1, f"must be seq {self.seq + 1}: {frame}"
        self.seq += 1
        for info in [frame["peer"]] if "peer" in frame else frame.get("peers", []):
            self.peers.setdefault(info["id"], Peer(info))
        peer = self.peers[frame["from"]] if "n" in frame or "got" in frame else None
        if frame["type"] not in ("peer-away", "peer-back"):
            self.ready += peer.take(frame) if peer else [frame]
        if "n" in frame:
            await self.send("got", peer)
        else:
            await self.write({"type": "ack"})

    async def next(self, kind: str, **fields: object) -> None:
        while not self.ready:
            await self.receive()
        frame = self.ready.pop(0)
        assert frame["type"] == kind and frame | fields == frame, f"must be {kind} {fields}: {frame}"


async def play(session: Session, role: str) -> None:
    """The script: offer or answer, talk, lose the link on the way, resume (not so is a failure), say bye."""
    if role == "first":
        await session.next("peer-joined")
    assert [other.offers for other in session.peers.values()] == [role == "second"], f"not {role} of two in the room"
    [peer] = session.peers.values()
    if role == "first":
        await session.send("offer", peer, pc=1, gen=1, data={"type": "offer", "sdp": "v=0\r\na=ice-ufrag:raw1\r\n"})
        await session.next("answer", pc=1, gen=1)
        for _ in range(3):
            await session.next("candidates", pc=1)
    else:
        await session.next("offer", pc=1, gen=1)
        await session.send("answer", peer, pc=1, gen=1, data={"type": "answer", "sdp": "v=0\r\na=ice-ufrag:raw2\r\n"})
        for line in ("candidate:1 1 udp 3 ::1 9 typ host", "candidate:2 1 udp 2 ::2 9 typ host", ""):
            await session.send("candidates", peer, pc=1, ufrag="raw2", data=[{"candidate": line, "sdpMid": "0"}])
    for k in range(1, 11):
        await session.send("message", peer, data={"k": k})
    for k in range(1, 21):
        await session.next("message", data={"k": k})
        if k == 7:
            session.link.transport.abort()
            session.link = None
            for late in range(11, 21):
                await session.send("message", peer, data={"k": late})
            await asyncio.sleep(0.3)
            await session.connect()
    while peer.confirmed < peer.sent:
        await session.receive()
    assert peer.confirmed == peer.sent and not session.ready, f"got {peer.confirmed}, then {session.ready}"
    await session.send("bye")
    await session.link.wait_closed()
    assert (session.link.close_code, session.link.close_reason) == (1000, "bye")


async def main(url: str, room: str, *roles: str) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as plays:
        for role in ("first", "second") if roles == ("pair",) else roles:
            session = Session(url, room)
            await session.connect()
            await session.send("join")
            await session.next("joined")
            print(role, "is in the room", flush=True)
            plays.create_task(play(session, role))


asyncio.run(main(*sys.argv[1:]))
print("ok")
