package signaling

import (
	"container/heap"
	"container/list"
	"time"
)

const (
	// maxKept bounds what is kept of rooms without members, in bytes: 25,000 rooms with
	// a ban each, or 150 with all that a room keeps.
	maxKept = 16 << 20
	// keptCost is what a kept room takes beside its rules: a timer, and its places in maps
	// and lists.
	keptCost = 512
)

// A keptRooms is what is kept of rooms in which nobody is: bans, and uses of links. If
// it is too much, the address that has the most of it (see Rules.Source) loses its
// oldest room. So whoever fills rooms pushes out what is its own: no flood of one address
// ends what another has banned, unless that has as much.
type keptRooms struct {
	most    int // bytes
	bytes   int
	rooms   map[roomKey]*keptRoom
	sources map[string]*keptSource
	heaviest
}

type keptRoom struct {
	key    roomKey
	bytes  int
	over   *time.Timer
	source *keptSource
	at     *list.Element
}

// A keptSource is what is kept for one address.
type keptSource struct {
	name  string
	bytes int
	rooms list.List // oldest first
	i     int       // in the heap
}

func newKeptRooms() keptRooms {
	return keptRooms{most: maxKept, rooms: make(map[roomKey]*keptRoom), sources: make(map[string]*keptSource)}
}

// add keeps a room until over fires, and returns those for which there is no more
// space; it may be one of them.
func (k *keptRooms) add(key roomKey, r *Rules, over *time.Timer) (dropped []roomKey) {
	src := k.sources[r.Source]
	if src == nil {
		src = &keptSource{name: r.Source}
		k.sources[r.Source] = src
		heap.Push(&k.heaviest, src)
	}
	room := &keptRoom{key: key, bytes: keptCost + len(key.app) + len(key.room) + r.cost(), over: over, source: src}
	room.at = src.rooms.PushBack(room)
	k.rooms[key] = room
	k.weigh(src, room.bytes)
	for k.bytes > k.most {
		oldest := k.heaviest[0].rooms.Front().Value.(*keptRoom).key
		k.drop(oldest)
		dropped = append(dropped, oldest)
	}
	return dropped
}

// drop keeps a room no more, if it was kept.
func (k *keptRooms) drop(key roomKey) {
	room := k.rooms[key]
	if room == nil {
		return
	}
	room.over.Stop()
	delete(k.rooms, key)
	src := room.source
	src.rooms.Remove(room.at)
	k.weigh(src, -room.bytes)
	if src.rooms.Len() == 0 {
		heap.Remove(&k.heaviest, src.i)
		delete(k.sources, src.name)
	}
}

func (k *keptRooms) weigh(src *keptSource, bytes int) {
	k.bytes += bytes
	src.bytes += bytes
	heap.Fix(&k.heaviest, src.i)
}

// heaviest is a heap of sources: the first has the most bytes.
type heaviest []*keptSource

func (h heaviest) Len() int           { return len(h) }
func (h heaviest) Less(i, j int) bool { return h[i].bytes > h[j].bytes }
func (h heaviest) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].i, h[j].i = i, j }

func (h *heaviest) Push(x any) {
	src := x.(*keptSource)
	src.i = len(*h)
	*h = append(*h, src)
}

func (h *heaviest) Pop() any {
	last := len(*h) - 1
	src := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return src
}
