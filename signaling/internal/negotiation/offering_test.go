package negotiation

// offeringSide are the hand-picked traces of the side that offers. The rows that
// they are for stand first in the name.
var offeringSide = []scenario{
	{"O1 O2 O3 O4 a call", called},
	{"O1 begin twice", stories(begun, begun)},
	{"O1 nothing before begin", []Event{plain(Needed), on(Stuck, 1, 0), timer(false), with(Answer, 1, 1, "b1"), on(Broken, 0, 0), plain(End)}},
	{"O2 made of another gen or pc", stories(begun, []Event{with(Made, 1, 2, "a1"), with(Made, 2, 1, "a1"), with(Made, 1, 1, "a1"), with(Made, 1, 1, "a1")})},
	{"O3 stale gen, old pc, answered twice", stories(called, []Event{
		plain(Needed), with(Answer, 1, 1, "b1"), with(Made, 1, 2, "a1"),
		with(Answer, 1, 1, "b1"), with(Answer, 1, 3, "b1"), with(Answer, 2, 2, "b1"), with(Answer, 1, 2, "b1"), with(Answer, 1, 2, "b1"), on(Applied, 1, 2),
	})},
	{"O4 O5 needed while making, waiting and applying", stories(begun, []Event{
		plain(Needed), with(Made, 1, 1, "a1"), plain(Needed), with(Answer, 1, 1, "b1"), plain(Needed), on(Applied, 1, 1),
	}, offered(1, 2, "a1", "b1"))},
	{"O5 needed while idle", stories(called, []Event{plain(Needed)}, offered(1, 2, "a1", "b1"))},
	{"O6 negotiate while an offer is out", stories(begun, []Event{
		with(Made, 1, 1, "a1"), ask(1, 0, `{"need":{"audio":1,"video":0,"data":0}}`), ask(1, 0, `{"need":{"audio":1,"video":1,"data":1}}`),
		with(Answer, 1, 1, "b1"), on(Applied, 1, 1),
	}, offered(1, 2, "a1", "b1"))},
	{"O6 negotiate while idle", stories(called, []Event{ask(1, 1, `{"need":{"audio":0,"video":2,"data":0}}`)}, offered(1, 2, "a1", "b1"))},
	{"O6 of another pc", stories(called, []Event{ask(2, 1, `{"need":{"audio":1,"video":1,"data":1}}`), ask(0, 0, `{"need":{"audio":1,"video":1,"data":1},"fresh":true}`)})},
	{"O6 the need outlives its pc", stories(called, []Event{ask(1, 1, `{"need":{"audio":1,"video":2,"data":1}}`), on(Broken, 1, 0)})},
	{"O6 restart asked for", stories(called, []Event{ask(1, 1, `{"need":{"audio":1,"video":1,"data":0},"restart":true}`)}, offered(1, 2, "a2", "b2"))},
	{"O6 O7 both see ICE fail: the restart is out", stories(called, []Event{
		on(Stuck, 1, 0), with(Made, 1, 2, "a2"), ask(1, 1, `{"need":{"audio":0,"video":0,"data":0},"restart":true}`),
		with(Answer, 1, 2, "b2"), on(Applied, 1, 2),
	})},
	{"O6 O7 both see ICE fail: the ask comes first", stories(called, []Event{
		ask(1, 1, `{"need":{"audio":0,"video":0,"data":0},"restart":true}`), on(Stuck, 1, 0),
	}, offered(1, 2, "a2", "b2"))},
	{"O6 an ask that an offer has crossed, with and without more need", stories(called, []Event{
		ask(1, 1, `{"need":{"audio":1,"video":1,"data":0}}`), ask(1, 1, `{"need":{"audio":1,"video":0,"data":0}}`), with(Made, 1, 2, "a1"),
		ask(1, 1, `{"need":{"audio":1,"video":0,"data":0}}`), with(Answer, 1, 2, "b1"), on(Applied, 1, 2),
		plain(Needed), ask(1, 2, `{"need":{"audio":1,"video":0,"data":1}}`), with(Made, 1, 3, "a1"), with(Answer, 1, 3, "b1"), on(Applied, 1, 3),
	})},
	{"O6 a restart asked for after the last one", stories(called, []Event{on(Stuck, 1, 0)}, offered(1, 2, "a2", "b2"), []Event{
		ask(1, 1, `{"need":{"audio":0,"video":0,"data":0},"restart":true}`), with(Made, 1, 3, "a2"), ask(1, 2, `{"need":{"audio":0,"video":0,"data":0},"restart":true}`),
		with(Answer, 1, 3, "b2"), on(Applied, 1, 3),
	})},
	{"O6 fresh", stories(called, []Event{
		ask(1, 1, `{"need":{"audio":1,"video":1,"data":0},"fresh":true}`), ask(1, 1, `{"need":{"audio":1,"video":0,"data":0},"fresh":true}`),
	}, offered(2, 1, "a2", "b2"))},
	{"O6 fresh is a failure", stories(begun, []Event{
		ask(1, 0, `{"fresh":true}`), ask(2, 0, `{"fresh":true}`), ask(3, 0, `{"fresh":true}`), ask(4, 0, `{"fresh":true}`), ask(5, 0, `{"fresh":true}`),
	})},
	{"O6 crossing needs: own tracks and those of the peer", stories(called, []Event{
		plain(Needed), with(Made, 1, 2, "a1"), ask(1, 1, `{"need":{"audio":2,"video":0,"data":0}}`), with(Answer, 1, 2, "b1"), on(Applied, 1, 2),
	}, offered(1, 3, "a1", "b1"))},
	{"O6 what cannot be read is not told", stories(called, []Event{
		ask(1, 1, `{"need":{"audio":-1,"video":1.5,"data":"1"},"restart":"true","fresh":1}`), with(Made, 1, 2, "a1"), with(Answer, 1, 2, "b1"),
		ask(1, 2, `[]`), ask(1, 2, `{"need":{"audio":1000000,"video":33,"data":7}}`), on(Applied, 1, 2),
		ask(1, 2, `null`), ask(1, 2, `{"need":[1]}`),
	})},
	{"O7 stuck while idle, making, waiting, applying", stories(called, []Event{
		on(Stuck, 1, 0), on(Stuck, 1, 0), with(Made, 1, 2, "a2"), on(Stuck, 1, 0), with(Answer, 1, 2, "b2"), on(Stuck, 1, 0), on(Applied, 1, 2), on(Stuck, 1, 0),
	})},
	{"O7 stuck while an offer without restart is out", stories(called, []Event{
		plain(Needed), on(Stuck, 1, 0), with(Made, 1, 2, "a1"), with(Answer, 1, 2, "b1"), on(Applied, 1, 2),
	}, offered(1, 3, "a2", "b2"))},
	{"O7 a restart that was wanted dies with its pc", stories(called, []Event{plain(Needed), on(Stuck, 1, 0), on(Broken, 1, 0)}, offered(2, 1, "a2", "b2"))},
	{"O8 reject, four times, and again by hand", stories(begun, []Event{
		with(Made, 1, 1, "a1"), reject(1, 1, `{"reason":"x"}`), reject(1, 1, `{"reason":"x"}`), with(Made, 2, 1, "a2"), reject(2, 2, `{"reason":"x"}`), reject(2, 1, `{"reason":"x"}`),
		with(Made, 3, 1, "a3"), reject(3, 1, `{"reason":"x"}`), reject(4, 1, `{"reason":"x"}`), with(Made, 4, 1, "a4"), reject(4, 1, `{"reason":"no codec"}`),
		plain(Needed), plain(Begin), with(Made, 5, 1, "a5"), reject(5, 1, `{}`),
	})},
	{"O8 failed while making and applying, not while waiting", stories(begun, []Event{
		because(on(Failed, 1, 1), "x"), with(Made, 2, 1, "a2"), because(on(Failed, 2, 1), "x"), with(Answer, 2, 1, "b2"), because(on(Failed, 2, 2), "x"), because(on(Failed, 2, 1), "x"),
	})},
	{"O8 O11 broken counts until connected", stories(called, []Event{
		on(Broken, 1, 0), on(Broken, 1, 0), on(Broken, 2, 0), on(Connected, 2, 0), on(Broken, 3, 0), on(Connected, 4, 0), on(Broken, 4, 0), on(Broken, 5, 0), on(Broken, 6, 0), because(on(Broken, 7, 0), "dtls"),
	})},
	{"O9 timer without media", stories(begun, []Event{with(Made, 1, 1, "a1"), timer(false), with(Answer, 1, 1, "b1"), with(Made, 2, 1, "a2")})},
	{"O9 timer with media", stories(called, []Event{plain(Needed), with(Made, 1, 2, "a1"), timer(true), timer(true), with(Answer, 1, 2, "b1"), timer(false), on(Applied, 1, 2)})},
	{"O10 end, and the peer comes back", stories(begun, []Event{
		with(Made, 1, 1, "a1"), ask(1, 0, `{"need":{"audio":1,"video":1,"data":0}}`), plain(PeerAway), plain(End), with(Answer, 1, 1, "b1"), plain(End), plain(Begin), with(Made, 2, 1, "a2"),
	})},
	{"O10 O12 after the end both count as there", stories(begun, []Event{plain(PeerAway), plain(LinkDown), plain(End), plain(Begin), with(Made, 2, 1, "a1")})},
	{"O12 the timer stands still", stories(begun, []Event{
		plain(PeerAway), with(Made, 1, 1, "a1"), plain(LinkDown), plain(PeerBack), plain(LinkUp), plain(LinkDown), timer(false), plain(LinkUp), with(Answer, 1, 1, "b1"), plain(PeerAway), plain(PeerBack),
	})},
	{"C1 own candidates wait for their offer", stories(begun, []Event{
		cands(Gathered, 1, "a1", 1), cands(Gathered, 1, "a1", 2), cands(Gathered, 2, "a1", 9), with(Made, 1, 1, "a1"), cands(Gathered, 1, "a1", 3), cands(Gathered, 1, "a1"),
	})},
	{"C1 own candidates around a restart", stories(called, []Event{
		on(Stuck, 1, 0), cands(Gathered, 1, "a1", 1), cands(Gathered, 1, "a2", 1), cands(Gathered, 1, "a2"), with(Made, 1, 2, "a2"), cands(Gathered, 1, "a1", 2), cands(Gathered, 1, "a2", 2),
	})},
	{"C2 C3 candidates behind an answer", stories(begun, []Event{
		with(Made, 1, 1, "a1"), with(Answer, 1, 1, "b1"), cands(Candidates, 1, "b1", 1, 2), cands(Candidates, 1, "b1"), on(Applied, 1, 1), cands(Candidates, 1, "b1", 3),
	})},
	{"C2 late candidates after a restart", stories(called, []Event{on(Stuck, 1, 0), cands(Candidates, 1, "b1", 1)}, offered(1, 2, "a2", "b2"), []Event{
		cands(Candidates, 1, "b1", 2), cands(Candidates, 1, "b2", 1), cands(Candidates, 2, "b2", 2), cands(Candidates, 1, "b3", 1),
	})},
	{"C2 C3 several ufrags in one description", stories(begun, []Event{
		with(Made, 1, 1, "a1", "a2", "a1"), with(Answer, 1, 1, "b1", "b2"), cands(Candidates, 1, "b2", 1), cands(Candidates, 1, "b3", 1), cands(Candidates, 1, "b1", 1), cands(Candidates, 1, "b2", 2), on(Applied, 1, 1),
		cands(Gathered, 1, "a2", 1),
	}, []Event{plain(Needed)}, []Event{with(Made, 1, 2, "a1", "a3"), with(Answer, 1, 2, "b1", "b3"), on(Applied, 1, 2), cands(Candidates, 1, "b2", 3), cands(Gathered, 1, "a2", 2)})},
	{"C2 a ufrag that comes back counts", stories(called, []Event{on(Stuck, 1, 0)}, offered(1, 2, "a2", "b2"), []Event{plain(Needed)}, offered(1, 3, "a1", "b1"), []Event{
		cands(Candidates, 1, "b1", 1), cands(Candidates, 1, "b2", 1), cands(Gathered, 1, "a1", 1), cands(Gathered, 1, "a2", 1),
	})},
	{"C2 the seventeenth past ufrag is forgotten", stories(called, restarts(17), []Event{
		cands(Candidates, 1, "b1", 1), cands(Candidates, 1, "b2", 1), on(Stuck, 1, 0), with(Made, 1, 19, "a19"), with(Answer, 1, 19, "b1", "b2"), on(Applied, 1, 19),
	})},
}
