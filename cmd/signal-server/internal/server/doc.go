// Package server is the signaling server as a program: its listeners, what they serve, and commands serve and
// check-config.
//
//	Serve -> Problems -> New -> Serve           listen, and answer until the context is done
//	CheckConfig -> Problems, hostProblems, Plan what is wrong with the settings, or what they do
//
//	listener of members -> connlimit -> front (one port, PROXY protocol) -> http.Server -> rooms, page, /metrics
//	                                                                     -> turn
//	other listeners     -> connlimit -> http.Server -> redirect, metrics, admin
package server
