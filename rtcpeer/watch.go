package rtcpeer

import "time"

// watch notices that this machine's addresses have changed, or that it was asleep. Paths and signaling are then checked
// at once, instead of after their silence. It also notes how late this process is. It ends with the node.
func (n *Node) watch() {
	defer n.transport.OnChange(func() { n.changed("addresses have changed") })()
	ticker := time.NewTicker(tickEach)
	defer ticker.Stop()
	for before := time.Now(); ; {
		select {
		case <-ticker.C:
			now := time.Now()
			if elapsed := now.Sub(before); !slept(before, now) {
				n.shortage.note(elapsed, elapsed-tickEach)
			} else { // open links notice it themselves
				n.log.Info("checking signaling", "reason", "was asleep")
				n.checkSignaling()
				n.roster.awake()
			}
			before = now
		case <-n.ctx.Done():
			return
		}
	}
}

// changed makes every link and the signaler find out whether they still work.
func (n *Node) changed(what string) {
	n.log.Info("checking links and signaling", "reason", what)
	n.checkSignaling()
	n.roster.changed()
}
