// Package transfer sends and receives files over one reliable channel of a rtcpeer.Node.
//
//	files := transfer.New(node, 1, transfer.Config{})
//	go func() {                                       err := files.Send(ctx, peer, transfer.File{
//		for {                                         	Name: "cat.jpg", Size: size, Content: f,
//			ev, err := node.Receive(ctx)              })
//			if err != nil { return }
//			if files.Handle(ev) { continue }          offer, err := files.Accept(ctx)
//			...                                       path, err := offer.Save(ctx, folder, transfer.SaveOptions{})
//		}
//	}()
//
// The program gives Handle every event that it receives. All else happens in the goroutines that call Send,
// Save and Receive: they read, hash, write, and wait. A Files may be used from any goroutine.
//
//	sender                                 receiver
//	  ---- offer: name, size ------------->  Accept
//	  <--- accept: offset, window ---------  Save, Receive        or stop: Refuse
//	  ---- prefix: hash of what is there ->  only if the offset is not 0
//	  <--- start: offset, or 0 ------------
//	  ---- data, data, ... --------------->  -> NAME.part
//	  <--- taken: offset ------------------  so that at most a window is on its way
//	  ---- end: size, hash --------------->  hash right: NAME.part becomes NAME
//	  <--- done --------------------------
//
// Either end stops a transfer at any time, with a reason: the other end's call returns an *Error. A file that
// was interrupted is resumed when it is offered again: the receiver says how much it has, the sender proves by
// its hash that this is how its file begins, and the rest follows. So nothing but NAME.part is needed, whichever
// process has ended meanwhile. While a link is only interrupted (see package rtcpeer), transfers wait.
//
// The other end is not trusted. Its names are reduced to names that are safe in a folder (SafeName). It cannot
// write outside the Folder, nor replace what is there, nor fill the memory: see Config.Window and MaxOffers. A
// file has its name only once its size and its SHA-256 are right. What breaks the protocol ends with ErrProtocol.
//
// The package does not look for peers, does not ask the user, and sends no folders. Send, Save and Receive wait
// for as long as the other end is connected; a ctx bounds that.
package transfer
