// Command limits-mutants takes away one check of web/docs/limits.md at a time, in
// a copy of the tree, and wants the test that the table names for it to fail.
// Arguments are names of the first column; without, all are taken away.
//
//	go run .ci/limits-mutants.go [counter...]
package main

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A mutant is the tree with one check less.
type mutant struct {
	limit string // "-": what is not in the table, but keeps it
	file  string
	old   string // is once in file
	new   string
	test  string // fails
}

var mutants = []mutant{
	{"links", "signaling/share.go", "case c.MaxLinks > 0 &&", "case false &&", "TestLinksOfAServerAreBounded"},
	{"app_links", "signaling/share.go", "case c.MaxAppLinks > 0 &&", "case false &&", "TestLinksOfAnAppAreBounded"},
	{"ip_links", "signaling/sources.go", "case c.MaxIPLinks > 0 &&", "case false &&", "TestLinksPerAddressAreBounded"},
	{"ip_links", "signaling/sources.go", "a.Unmap().WithZone", "a.WithZone", "TestLinksPerAddressAreBounded"},
	{"ip_links", "signaling/sources.go", "a.Prefix(64)", "a.Prefix(128)", "TestAddressesOfIPv6AreCountedByNetwork"},
	{"ip_rate", "signaling/sources.go", "case c.IPRate > 0 &&", "case false &&", "TestNewLinksPerSecondAreBounded"},
	{"ip_rate", "signaling/sources.go", "src.fresh.charge(ss.now(), 1, ss.cfg.IPRate)\n\tss.forgetLocked(src)", "ss.forgetLocked(src)", "TestAskingCostsAsMuchAsConnecting"},
	{"sessions", "signaling/share.go", "case c.MaxSessions > 0 &&", "case false &&", "TestSessionsOfAServerAreBounded"},
	{"app_sessions", "signaling/share.go", "case c.MaxAppSessions > 0 &&", "case false &&", "TestSessionsOfAnAppAreBounded"},
	{"ip_sessions", "signaling/sources.go", "!force && most > 0", "false && most > 0", "TestSessionsPerAddressAreBounded"},
	{"user_sessions", "signaling/share.go", "case c.MaxUserSessions > 0 &&", "case false &&", "TestSessionsOfAUserAreBounded"},
	{"auth", "signaling/share.go", "|| l.src == nil {", "|| l.src != nil {", "TestWrongTokensSlowDown"},
	{"auth", "signaling/sources.go", "time.AfterFunc(d, func() { ss.detached(src) })", "src.links--", "TestHangingUpDoesNotSpeedGuessingUp"},
	{"hello", "signaling/link.go", "time.AfterFunc(l.srv.cfg.HelloTimeout,", "time.AfterFunc(time.Hour,", "TestHelloTimeout"},
	{"rate", "signaling/pace.go", "if overFrames <= 0 && overBytes <= 0 {", "if overBytes <= 0 {", "TestFastClientIsHeldBackThenRefused"},
	{"rate", "signaling/pace.go", "if overFrames <= 0 && overBytes <= 0 {", "if overFrames <= 0 {", "TestManyBytesAreHeldBack"},
	{"rate", "signaling/takeover.go", "s.pace.add(h.Pace, s.srv.now())", "", "TestNewLinkIsNoNewBurst"},
	{"rate", "signaling/hello.go", "s.pace.add(l.pace.debts(now), now)", "s.pace = *l.pace", "TestNewLinkIsNoNewBurst"},
	{"rate", "signaling/join.go", "s.chargeSnapshot(textSize(b.Message))", "", "TestSnapshotsAreChargedBySize"},
	{"rate", "signaling/ws/meter.go", "|| op == opClose:", "|| op >= opClose:", "TestControlFramesAreCharged"},
	{"rate", "signaling/ws/meter.go", "|| op == opClose:", "|| op == opClose || op == 0:", "TestEmptyFragmentsAreCharged"},
	{"joins", "signaling/share.go", "if s.joins.over(", "if false && s.joins.over(", "TestJoinsAreBounded"},
	{"joins", "signaling/change.go", "if len(r.members) == 1 {", "if false {", "TestJoinsAreBounded"},
	{"joins", "signaling/takeover.go", "s.joins = bucket(s.srv.now() + h.Joins)", "", "TestMoveIsNoNewBurstOfJoins"},
	{"joins", "signaling/handle.go", "if !own.inside() { //", "if false { //", "TestKnocksAreBounded"},
	{"ip_rooms", "signaling/share.go", "if s.srv.sources.guesses(src) {", "if false {", "TestGuessingRoomsIsBounded"},
	{"rooms", "signaling/join.go", "if rooms >= c.MaxRooms {", "if false {", "TestRoomFullAndTooManyRooms"},
	{"peers", "signaling/roster_join.go", "return r.count(KindMember) >= limit", "return false", "TestRoomFullAndTooManyRooms"},
	{"watched", "signaling/presence.go", "count > limit {", "count > limit && false {", "TestWatchIsBounded"},
	{"invites", "signaling/invite.go", "if open >= c.MaxInvites {", "if false {", "TestInvitesAreBounded"},
	{"message", "signaling/link.go", "if size > l.srv.cfg.MaxMessage {", "if false {", "TestFramesAreBounded"},
	{"sdp", "signaling/relay.go", "if len(m.Data) > c.MaxSDP {", "if false {", "TestSDPIsBounded"},
	{"metadata", "signaling/join.go", "if len(m.Data) > c.MaxMetadata {", "if false {", "TestMetadataIsBounded"},
	{"metadata", "signaling/handle.go", "case len(m.Data) > limit:", "case false && len(m.Data) > limit:", "TestMetadataIsBounded"},
	{"candidates", "signaling/pace.go", "if c.n+n > limit {", "if false {", "TestTooManyCandidates"},
	{"outbox", "signaling/session.go", "if s.unread >= limit {", "if false {", "TestSlowConsumerIsClosedAndComesBack"},
	{"history", "signaling/session.go", "s.out.bytes >= 2*limit {", "false {", "TestHistoryIsGivenUpWithoutLink"},
	{"history", "signaling/session.go", "s.out.bytes >= 2*limit {", "false {", "TestHistoryIsGivenUpAtTwiceTheOutbox"},
	{"queue", "signaling/queue.go", "} else if tooMany {", "} else if tooMany && false {", "TestCallerBehindABlockedHandlerIsHeldBackThenRefused"},
	{"apps", "signaling/server.go", "app == nil && s.onDemand >= s.cfg.MaxApps:", "app == nil && false:", "TestAppsOnDemandAreBounded"},
	{"errors", "signaling/link.go", "full := len(l.control) >= maxControl", "full := false", "TestErrorsWithoutSeqAreBounded"},
	{"memory", "signaling/share.go", "case s.nearlyFull():", "case false:", "TestNobodyIsLetInWhileMemoryIsFull"},
	{"knockers", "signaling/roster_join.go", "r.count(KindKnocker) >= e.Knockers", "false", "TestLobbyOfManyIsBounded"},
	{"passwords", "signaling/share.go", "s.doorsLocked().tries.over(s.srv.now(), tryCost, 1, freeTries*tryCost)", "false", "TestPassword"},
	{"passwords", "signaling/sources.go", "src.tries.charge(ss.now(), tryCost, 1)", "_ = src", "TestPasswordsOfAnAddressAreBounded"},
	{"memory", "signaling/memory.go", "case s.nearlyFull():", "case false:", "TestNobodyIsLetInWhileMemoryIsFull"},
	{"memory", "signaling/memory.go", "if !s.full() {\n\t\treturn s.cfg.Outbox", "if true {\n\t\treturn s.cfg.Outbox", "TestMemoryIsBounded"},
	{"memory", "signaling/queue.go", "crowded := l.srv.full()", "crowded := false", "TestQueuesCountForMemory"},
	{"memory", "signaling/memory.go", "if !s.full() {\n\t\treturn nil", "if true {\n\t\treturn nil", "TestRostersCountForMemory"},
	{"memory", "signaling/memory.go", "r.app.srv.memory.Add(int64(now - r.weighed))", "", "TestRostersCountForMemory"},
	{"memory", "signaling/ws/read.go", "case link.Hold(len(s.b)):", "case true:", "TestUnfinishedMessagesCountForMemory"},
	{"memory", "signaling/ws/read.go", "case link.Hold(len(s.b)):", "case link.Hold(len(s.b)) || true:", "TestUnfinishedMessagesAreBounded"},

	{"-", "signaling/roster_user.go", "case callers >= maxCallers,", "case", "TestTooManyCallersFindTheUserBusy"},
	{"-", "signaling/memkept.go", "for k.bytes > k.most {", "for false {", "TestFloodOfBansPushesOutItsOwn"},
	{"-", "signaling/memkept.go", "h[i].bytes > h[j].bytes", "h[i].bytes < h[j].bytes", "TestFloodOfBansPushesOutItsOwn"},
	{"-", "signaling/host.go", "Source: s.address(),", "", "TestFloodOfBansPushesOutItsOwn"},
	{"-", "signaling/sources.go", "if len(ss.quiet) < maxSources {", "if true {", "TestAddressesThatAreKeptAreBounded"},
	{"-", "signaling/sources.go", "case at <= now:\n\t\t\tdelete(ss.all, key)", "case false:\n\t\t\tdelete(ss.all, key)", "TestAddressesAreForgotten"},
	{"-", "signaling/memory.go", "return len(l.queue) >= maxQueue", "return false", "TestQueueBehindSlowHelloPausesTheReader"},
	{"-", "signaling/ws/proxy.go", "isTrusted(remote.Addr()) {", "(isTrusted(remote.Addr()) || true) {", "TestForwardedAddress"},
	{"-", "cmd/signal/silent.go", "full := s.counts[of] >= s.most", "full := false", "TestSilentConnectionsOfOneAddressAreBounded"},
	{"-", "cmd/signal/silent.go", " && state != http.StateIdle", "", "TestConnectionsThatWaitForAFurtherRequestAreBounded"},
	{"-", "cmd/signal/proxy.go", "return proxyproto.SKIP, nil", "return proxyproto.USE, nil", "TestProxyProtocolOfOthersIsNotBelieved"},
}

func main() {
	log.SetFlags(0)
	copied, err := os.MkdirTemp("", "limits-mutants-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(copied, os.Args[1:])
	os.RemoveAll(copied)
	if err != nil {
		log.Fatal("limits-mutants: ", err)
	}
}

func run(copied string, only []string) error {
	if err := copyTree(copied); err != nil {
		return err
	}
	survived := 0
	for _, m := range mutants {
		if len(only) > 0 && !slices.Contains(only, m.limit) {
			continue
		}
		verdict := "fails"
		if err := m.kill(copied); err != nil {
			verdict = "SURVIVES: " + err.Error()
			survived++
		}
		fmt.Printf("%-14s %-24s %-40s %s\n", m.limit, m.file, m.test, verdict)
	}
	missing, err := uncovered()
	if err != nil {
		return err
	}
	for _, line := range missing {
		fmt.Println(line)
	}
	if survived > 0 || len(missing) > 0 {
		return fmt.Errorf("%d of %d checks can be taken away and no test sees it; %d rows lack a mutant", survived, len(mutants), len(missing))
	}
	return nil
}

// copyTree copies what git knows or would, so that nobody's work is touched.
func copyTree(to string) error {
	list, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	cp := exec.Command("xargs", "-0", "cp", "--parents", "-t", to)
	cp.Stdin = bytes.NewReader(list)
	if out, err := cp.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the tree: %w: %s", err, out)
	}
	return nil
}

// kill returns why m lives on; nil: its test fails.
func (m mutant) kill(dir string) error {
	file := filepath.Join(dir, m.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return fmt.Errorf("%q is %d times in the file, not once", m.old, n)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o644); err != nil {
		return err
	}
	defer os.WriteFile(file, text, 0o644)
	test := exec.Command("go", "test", "-count", "1", "-vet", "off", "-timeout", "60s", "-run", "^"+m.test+"$", "./"+filepath.Dir(m.file))
	test.Dir = dir
	out, err := test.CombinedOutput()
	switch {
	case err == nil && bytes.Contains(out, []byte("no tests to run")):
		return errors.New("there is no such test")
	case err == nil:
		return errors.New("the test passes")
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return fmt.Errorf("it does not build: %s", out)
	}
	return nil
}

// uncovered returns the tests of the table for which there is no mutant.
func uncovered() (missing []string, err error) {
	text, err := os.ReadFile("web/docs/limits.md")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 8 {
			continue
		}
		limit := strings.TrimSpace(cells[1])
		for test := range strings.SplitSeq(strings.TrimSpace(cells[6]), ", ") {
			if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.limit == limit && m.test == test }) {
				missing = append(missing, fmt.Sprintf("%s: no check is taken away for %s", limit, test))
			}
		}
	}
	return missing, nil
}
