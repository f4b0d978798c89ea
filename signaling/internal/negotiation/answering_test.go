package negotiation

// answeringSide are the hand-picked traces of the side that answers.
var answeringSide = []scenario{
	{"A1 A2 a call", greeted},
	{"A1 begin does nothing", stories(begun, greeted)},
	{"A1 stale gen, old pc, and while answering", stories([]Event{with(Offer, 2, 2, "a1"), with(Offer, 2, 3, "a1"), with(Made, 2, 2, "b1")}, []Event{
		with(Offer, 1, 5, "a0"), with(Offer, 2, 1, "a1"), with(Offer, 2, 2, "a1"), with(Offer, 2, 3, "a1"), with(Made, 2, 3, "b1"),
	})},
	{"A1 pc or gen 0", []Event{with(Offer, 0, 1, "a1"), with(Offer, 1, 0, "a1"), offerIn}},
	{"A1 a higher pc closes the old one", stories(greeted, []Event{
		cands(Candidates, 1, "a9", 1), with(Offer, 2, 1, "a2"), cands(Candidates, 1, "a1", 1), with(Made, 1, 1, "b1"), on(Stuck, 1, 0), on(Broken, 1, 0), with(Made, 2, 1, "b2"),
	})},
	{"A1 a higher pc while answering", []Event{offerIn, with(Offer, 3, 1, "a3"), with(Made, 1, 1, "b1"), with(Made, 3, 1, "b3")}},
	{"A1 A5 a restart is seen", stories(greeted, []Event{on(Stuck, 1, 0), on(Stuck, 1, 0)}, answeredTo(1, 2, "a2", "b2"), []Event{on(Stuck, 1, 0)})},
	{"A1 A5 both see ICE fail: an offer without restart crosses", stories(greeted, []Event{on(Stuck, 1, 0)}, answeredTo(1, 2, "a1", "b1"), []Event{on(Stuck, 1, 0)}, answeredTo(1, 3, "a3", "b3"))},
	{"A1 A5 both see ICE fail: its restart crosses", stories(greeted, []Event{on(Stuck, 1, 0)}, answeredTo(1, 2, "a2", "b2"), answeredTo(1, 3, "a2", "b2"))},
	{"A1 A5 a higher pc is a restart", stories(greeted, []Event{on(Stuck, 1, 0)}, answeredTo(2, 1, "a2", "b2"), []Event{on(Stuck, 2, 0)})},
	{"A2 a track without m-line is asked for", []Event{needs(need(1, 1, 0)), offerIn, lacking(with(Made, 1, 1, "b1"), need(1, 1, 0))}},
	{"A2 A4 crossing needs: the ask is still on its way", stories(greeted, []Event{
		needs(need(1, 1, 0)), with(Offer, 1, 2, "a1"), lacking(with(Made, 1, 2, "b1"), need(1, 1, 0)), needs(need(1, 1, 0)),
	}, answeredTo(1, 3, "a1", "b1"), []Event{needs(need(1, 1, 0))})},
	{"A2 A4 crossing needs: another need", stories(greeted, []Event{needs(need(1, 1, 0)), with(Offer, 1, 2, "a1"), lacking(with(Made, 1, 2, "b1"), need(2, 1, 0))})},
	{"A2 A4 the ask died with its pc", stories(greeted, []Event{needs(need(1, 0, 0)), with(Offer, 2, 1, "a2"), lacking(with(Made, 2, 1, "b2"), need(1, 0, 0))})},
	{"A2 made of another gen or pc", []Event{offerIn, with(Made, 1, 2, "b1"), with(Made, 2, 1, "b1"), with(Made, 1, 1, "b1"), with(Made, 1, 1, "b1")}},
	{"A3 an offer that cannot be applied", []Event{offerIn, because(on(Failed, 1, 2), "x"), because(on(Failed, 1, 1), "no \"codec\""), with(Made, 1, 1, "b1"), with(Offer, 1, 1, "a1"), with(Offer, 1, 3, "a1"), on(Stuck, 1, 0), needs(need(1, 0, 0)), with(Offer, 2, 1, "a2")}},
	{"A3 A4 wanted, and the offer fails", []Event{offerIn, needs(need(0, 1, 0)), on(Failed, 1, 1), with(Offer, 2, 1, "a2"), with(Made, 2, 1, "b2")}},
	{"A4 needed before the first offer", stories([]Event{needs(need(1, 0, 0)), needs(need(1, 1, 0))}, greeted)},
	{"A4 needed while answering", []Event{offerIn, needs(need(0, 1, 0)), needs(need(0, 1, 1)), with(Made, 1, 1, "b1")}},
	{"A4 needed while idle, again, and more", stories(greeted, []Event{needs(need(1, 0, 0)), needs(need(1, 0, 0)), needs(need(2, 0, 0)), needs(nil)})},
	{"A4 needed again after it was served", stories(greeted, []Event{needs(need(1, 0, 0))}, answeredTo(1, 2, "a1", "b1"), []Event{needs(need(1, 0, 0))})},
	{"A5 stuck before the first offer", []Event{on(Stuck, 0, 0), on(Stuck, 1, 0)}},
	{"A5 stuck while answering an offer without restart", stories(greeted, []Event{with(Offer, 1, 2, "a1"), on(Stuck, 1, 0), with(Made, 1, 2, "b1")})},
	{"A5 stuck while answering an offer with restart", stories(greeted, []Event{with(Offer, 1, 2, "a2"), on(Stuck, 1, 0), with(Made, 1, 2, "b2")})},
	{"A5 a restart is asked for with the next need", stories(greeted, []Event{on(Stuck, 1, 0), needs(need(1, 1, 1))})},
	{"A6 fresh", stories([]Event{on(Broken, 0, 0), needs(need(1, 1, 0))}, greeted, []Event{on(Broken, 1, 0), with(Offer, 2, 1, "a2"), on(Broken, 1, 0)})},
	{"A7 end, and the peer comes back", stories(greeted, []Event{needs(need(1, 0, 0)), on(Stuck, 1, 0), plain(End), plain(End)}, answeredTo(1, 1, "a3", "b3"))},
	{"O11 O12 mean nothing to the side that answers", stories(greeted, []Event{on(Connected, 1, 0), plain(PeerAway), plain(PeerBack), plain(LinkDown), plain(LinkUp), timer(false), with(Answer, 1, 1, "b1"), on(Applied, 1, 1), ask(1, 1, `{"fresh":true}`), reject(1, 1, `{}`)})},
	{"C1 own candidates wait for their answer", []Event{offerIn, cands(Gathered, 1, "b1", 1), cands(Gathered, 1, "b1"), with(Made, 1, 1, "b1"), cands(Gathered, 1, "b1", 2)}},
	{"C1 A2 candidates go out before the ask", []Event{offerIn, cands(Gathered, 1, "b1", 1), cands(Candidates, 1, "a1", 1), lacking(with(Made, 1, 1, "b1"), need(0, 1, 0))}},
	{"C1 C2 candidates around a restart", stories(greeted, []Event{
		with(Offer, 1, 2, "a2"), cands(Gathered, 1, "b2", 1), cands(Gathered, 1, "b1", 1), cands(Candidates, 1, "a1", 1), cands(Candidates, 1, "a2", 1), with(Made, 1, 2, "b2"), cands(Candidates, 1, "a1", 2), cands(Gathered, 1, "b1", 2),
	})},
	{"C2 candidates before the description", stories(greeted, []Event{cands(Candidates, 1, "a2", 1), cands(Candidates, 1, "a2", 2)}, answeredTo(1, 2, "a2", "b2"))},
	{"C2 while a description is in hand all are kept", stories(greeted, []Event{with(Offer, 1, 2, "a1"), cands(Candidates, 1, "a1", 1), with(Made, 1, 2, "b1"), cands(Candidates, 1, "a1", 2)})},
	{"C2 a hundred are kept", stories([]Event{offerIn}, manyCandidates(Candidates, "a1", 100), []Event{with(Made, 1, 1, "b1")})},
	{"C2 four ufrags are kept, the oldest goes", stories([]Event{offerIn}, manyUfrags(Candidates, 5), []Event{with(Made, 1, 1, "b1"), with(Offer, 1, 2, "u4", "u3", "u0", "u1"), with(Made, 1, 2, "b1")})},
	{"C2 what is not a list has no candidates", []Event{offerIn, {Kind: Candidates, PC: 1, Ufrag: "a1", Data: []byte(`{"a":1}`)}, {Kind: Candidates, PC: 1, Ufrag: "a1"}, cands(Candidates, 1, "a1", 1), with(Made, 1, 1, "b1")}},
	{"ufrags of a description", []Event{
		{Kind: Offer, PC: 1, Gen: 1, Data: []byte(`{"type":"offer","sdp":"v=0\na=ice-ufrag:a1 \r\na=ice-ufrag:\nb=ice-ufrag:a2\n a=ice-ufrag:a3\na=ice-ufrag:a4"}`)},
		cands(Candidates, 1, "a1", 1), cands(Candidates, 1, "a2", 1), cands(Candidates, 1, "a3", 1), cands(Candidates, 1, "a4", 1), with(Made, 1, 1, "b1"),
	}},
	{"a description that cannot be read", []Event{{Kind: Offer, PC: 1, Gen: 1, Data: []byte(`{"sdp":5}`)}, {Kind: Made, PC: 1, Gen: 1, Data: []byte(`[]`)}, cands(Candidates, 1, "a1", 1), cands(Gathered, 1, "b1", 1)}},
}
