// Package transfer sends and receives files over one reliable channel of an rtcpeer.Node.
//
//	files, err := transfer.New(node, 1, transfer.Config{})
//	go func() {                                       err := files.Send(ctx, peer, transfer.File{
//		for {                                         	Name: "cat.jpg", Size: size, Content: f,
//			ev, err := node.Receive(ctx)              })
//			if err != nil { return }
//			if files.Handle(ev) { continue }          offer, err := files.Accept(ctx)
//			...                                       name, err := offer.Save(ctx, folder, transfer.SaveOptions{})
//		}
//	}()
//
// The program gives Handle every event that it receives. Everything else happens in the goroutines that call Send, Save
// and Receive: they read, hash, write, and wait. A Files may be used from any goroutine.
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
// Either end may stop a transfer at any time, with a reason: the other end's call returns an *Error. A file that was
// interrupted is resumed when it is offered again: the receiver says how much it has, the sender proves by the hash
// that its file begins with the same bytes, and the rest follows. Only NAME.part is needed for this, so it works even if
// one of the processes has ended meanwhile. While a link is only interrupted (see package rtcpeer), transfers wait. When
// a star gets another host, frames between guests may be lost with the old one: both ends stop, and Send offers the file
// again.
//
// The other end is not trusted. Its names are reduced to names that are safe in a folder (SafeName). It cannot write
// outside the Folder, replace existing files, or fill the memory: see Config.Window and MaxOffers. A file gets its name
// only once its size and its SHA-256 are right. A peer that breaks the protocol causes ErrProtocol.
//
// With their channel in rtcpeer.Config.Bulk, files yield to other traffic on the link: a game keeps its latency. A loop
// that receives 20 times a second gets at most rtcpeer.Config.ReceiveBuffer of a file each time: by default 5 MB/s.
//
// The package does not look for peers, does not ask the user, and sends no folders. Send, Save and Receive wait as long
// as the other end is connected; a ctx limits that.
//
// # Frames
//
// Each frame is a packet of the channel. The first byte is the kind; numbers are unsigned varints (encoding/binary) in
// their shortest form, at most 2^53-1, the largest integer that JavaScript's numbers hold exactly. The id is the
// sender's number of the file: the first file has 1, and each further file the next number. testdata/wire/transfer.json
// has examples.
//
//	01 id flags size name     offer    flags 1: can begin anew; 2: the size is not known, and is 0 here
//	02 id offset window       accept   the receiver has offset bytes, and takes window bytes beyond what it has taken
//	03 id sha256[32]          prefix   of the first offset bytes of the sender's file
//	04 id offset              start    data begin there: at the offset of the accept if the hash was right, or at 0
//	05 id offset bytes        data     1 byte at least; 1,024 at least except at the end of the file
//	06 id offset              taken    everything before the offset; at the latest when half a window has come
//	07 id size sha256[32]     end      of the whole file
//	08 id                     done     the receiver has the file, and its hash is right
//	09 id reason text         stop     by the sender
//	0a id reason text         stop     by the receiver
//
// The reason of a stop is 1: cancelled, 2: refused, 3: the end that stops could not read or write, 4: the hash is
// wrong, 5: the other end has broken the protocol, 6: more than MaxOffers files, 7: the end that stops takes no files,
// 8, by the sender only: its star has another host, so it may offer the file again. Any other reason counts as 3.
//
// The name and the text fill the rest of the frame, in UTF-8. A frame about a file that is over is ignored, because it
// may have been on its way. An accept with offset 0 is answered by data, without prefix and start. Only an offer that
// can begin anew may be accepted with another offset.
package transfer
