// Package nat has calls between homes behind NAT routers of every kind, in
// network namespaces that the tests make and take down. There is nothing in it
// but tests, for Linux and for root.
//
// A lab is a public network, with homes on it: a router of some kind and a host
// behind it. Nothing leaves the machine: no namespace has a way out, and the
// addresses are those of the benchmark and documentation ranges, 198.18.0.0/15
// and 2001:db8::/32.
//
//	                              public: servers 198.18.0.1, 198.18.0.2 …
//	host eth0 --- lan0 router wan0 --- bridge --- wan0 router lan0 --- eth0 host
//
// The names of the namespaces say which process made them. Whatever way that
// ends, a keeper takes down what it has left: a process of its own, which waits
// for the end of the other.
package nat
