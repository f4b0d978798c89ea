package signaling

// A Cluster is what several Servers share.
type Cluster interface{}

// NewMemoryCluster makes a Cluster for the Servers of one process.
func NewMemoryCluster() *MemoryCluster { return &MemoryCluster{} }

// A MemoryCluster is the Cluster of one process.
type MemoryCluster struct{}
