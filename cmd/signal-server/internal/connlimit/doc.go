// Package connlimit limits the TCP connections of listeners, in total and for each address.
//
//	net.Listener -> Limiter.Guard -> Accept -> a connection within the limits
//	                                        -> closed at once, counted by reason
//	                               -> Failures, if the system has no open file left
package connlimit
