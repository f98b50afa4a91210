class_name RtcpeerClient
extends Node
## A room of an rtcpeer signaling server, for Godot 4.
##
## It has the methods and signals of the client in the webrtc_signaling demo and can replace it. In
## addition, the first member that joins a room creates it under any name, the server provides the ICE
## servers, and losing the server does not lose the place in the room or the links.
## Add it to the tree, call [method start], and use [member Node.multiplayer] as usual:
## [codeblock]
## var client := RtcpeerClient.new()
## add_child(client)
## client.lobby_joined.connect(func(lobby: String): print("others join with ", lobby))
## client.start("ws://localhost:9080", "lobby")
## [/codeblock]

## This node is in a room, as [param id]. [member SceneTree.multiplayer]'s peer is set.
signal connected(id: int, use_mesh: bool)
## The room has this name, with which others join it.
signal lobby_joined(lobby: String)
## Nobody new can join any more.
signal lobby_sealed()
## A member has joined or left the room. One whose program was restarted leaves and joins.
## MultiplayerAPI has signals of the same names for the links, which follow.
signal peer_connected(id: int)
signal peer_disconnected(id: int)
## Something has failed: with the member [param id], or, if that is 0, with the place in the room.
## [param code] is a code of PROTOCOL.md, "refused" (the member refuses the link), "connect" (there is
## no WebRTC connection) or "peer" (there is no WebRTCMultiplayerPeer). [param text] is for people.
signal failed(id: int, code: String, text: String)
## The connection to the server was lost, or is back. Links go on.
signal signaling_lost()
signal signaling_resumed()
## Signaling has ended for good. Open links go on, unless this member was kicked.
signal disconnected()

const SUBPROTOCOL := "rtcpeer.v1"
const REDIAL_FIRST := 0.2 ## seconds
const REDIAL_MOST := 15.0
const REDIAL_FOR := 120.0 ## how long to try to reach a lost server
const ASK_AFTER := 15.0 ## seconds of silence after which the server is asked for an answer
const ANSWER_TIME := 20.0 ## seconds that the server has to answer that, a dial or a join
const ATTEMPT_TIME := 7.0 ## seconds that an offer has before the next one
const MAX_EARLY := 64 ## candidates that wait for their description
const INBOUND_BUFFER := 1048576 ## bytes: a message of the server has up to 262144, and the engine's own buffer 65536

# Errors after which the session goes on, and those after which another try may help (PROTOCOL.md).
const NOT_FATAL := ["unknown_kind", "not_host", "unknown_peer"]
const RETRY := ["join_timeout", "room_full", "room_exists", "server_full", "slow", "shutting_down", "internal", "rate_limited", "locked"]

## Modes of the transfer channels 1, 2, ...: MultiplayerPeer.TRANSFER_MODE_*. All members need the same list.
@export var channels: Array[int] = []
## The access token, for servers that require one.
@export var token := ""
## What the other members see of this one: any JSON, at most 1 KiB.
var metadata: Variant = null
## ICE servers in addition to those of the server, as in WebRTCPeerConnection.initialize.
var ice_servers: Array = []

var rtc_mp := WebRTCMultiplayerPeer.new()
var lobby := ""
var mesh := true
var sealed := false

var _ws: WebSocketPeer
var _url := ""
var _id := 0
var _host := 1
var _resume := ""
var _ice: Array = []
var _members := {} # incarnations of the members that are in the room, by id
var _links := {} # of _Link, by id
var _backoff := REDIAL_FIRST
var _redial_in := -1.0 # seconds; negative: no redial is due
var _lost_for := -1.0 # seconds; negative: the server is not lost
var _silent_for := 0.0 # seconds since the last message of the server, or since it was asked
var _asked := false # the server has to answer
var _last_error := ""
var _joining := false # the join is not sent yet


class _Link:
	var connection: WebRTCPeerConnection
	var incarnation := "" # of the other end
	var attempt := 0 # of the current offer
	var described := false # the other end's description of this attempt is here
	var early: Array[Dictionary] = [] # candidates that came before it
	var age := 0.0
	var opened := false

	func is_open() -> bool:
		return connection != null and connection.get_connection_state() == WebRTCPeerConnection.STATE_CONNECTED


## Joins a room, and creates it if it does not exist. Without a name the server creates a room and names it.
func start(url: String, room := "", use_mesh := true) -> Error:
	stop()
	_url = url
	lobby = room
	mesh = use_mesh
	return _dial()


## Leaves the room, if it is in one, for another one on the same server.
func join_lobby(room: String) -> Error:
	return start(_url, room, mesh)


## Leaves the room and closes the links.
func stop() -> void:
	if _ws != null:
		if _ws.get_ready_state() == WebSocketPeer.STATE_OPEN:
			_send({"kind": "leave"})
		_ws.close()
		_ws = null
	if multiplayer.multiplayer_peer == rtc_mp:
		multiplayer.multiplayer_peer = null
	rtc_mp.close()
	_members.clear()
	_links.clear()
	_id = 0
	_resume = ""
	_redial_in = -1.0
	_lost_for = -1.0
	_last_error = ""
	sealed = false


## Closes the room: nobody new can join from now on. Only the host may call it.
func seal_lobby() -> Error:
	return _send({"kind": "seal"})


func _process(delta: float) -> void:
	_retry_links(delta)
	_silent_for += delta
	if _lost_for >= 0.0:
		_lost_for += delta
	if _redial_in >= 0.0:
		_redial_in -= delta
		if _redial_in < 0.0:
			_dial()
	if _ws == null:
		return
	_ws.poll()
	match _ws.get_ready_state():
		WebSocketPeer.STATE_OPEN:
			if _joining:
				_joining = false
				_silent_for = 0.0
				_join()
			while _ws != null and _ws.get_available_packet_count() > 0:
				_silent_for = 0.0
				_asked = false
				_parse(_ws.get_packet())
		WebSocketPeer.STATE_CLOSED:
			var reason := _ws.get_close_reason()
			_ws = null
			_socket_closed(reason)
	if _ws != null:
		_watch()


# A connection can die unnoticed: the network changes, or the machine sleeps. The engine hides the server's pings from scripts.
# So ask the server: it answers a kind that it does not know with an error that ends nothing.
func _watch() -> void:
	if _asked and _silent_for > ANSWER_TIME:
		_ws.close()
		_ws = null
		_socket_closed()
	elif not _asked and _silent_for > ASK_AFTER:
		_silent_for = 0.0
		_asked = true
		_send({"kind": "ping"})


func _dial() -> Error:
	_ws = WebSocketPeer.new()
	_ws.supported_protocols = PackedStringArray([SUBPROTOCOL])
	_ws.inbound_buffer_size = INBOUND_BUFFER
	_joining = true
	_silent_for = 0.0
	_asked = true
	var err := _ws.connect_to_url(_url)
	if err != OK:
		_ws = null
		_socket_closed()
	return err


func _join() -> void:
	var message := {"kind": "join", "channels": channels.map(_mode_name)}
	if metadata != null:
		message["metadata"] = metadata
	if token != "":
		message["token"] = token
	if _resume != "":
		message["resume"] = _resume
	else:
		message["topology"] = "mesh" if mesh else "star"
		if lobby != "":
			message["room"] = lobby
	_send(message)


func _mode_name(mode: int) -> String:
	match mode:
		MultiplayerPeer.TRANSFER_MODE_UNRELIABLE:
			return "unreliable"
		MultiplayerPeer.TRANSFER_MODE_UNRELIABLE_ORDERED:
			return "unreliable_ordered"
	return "reliable"


# If a connection ends without a leave, the server keeps the place: come back with the token of the last welcome.
# If a close frame comes in the same poll, the engine drops messages that it has not handed out, including the error that is
# the server's last message. The reason of the close frame is the code of that error.
func _socket_closed(reason := "") -> void:
	if _last_error == "" and reason.is_valid_identifier():
		_refused(reason, reason.replace("_", " "))
		if _ws != null: # the game has started again
			return
	var may_retry := _last_error == "" or _last_error in RETRY
	_last_error = ""
	if _resume == "" or not may_retry or _lost_for > REDIAL_FOR:
		_resume = ""
		disconnected.emit()
		return
	_redial_in = randf() * _backoff
	_backoff = minf(_backoff * 2.0, REDIAL_MOST)
	if _lost_for < 0.0:
		_lost_for = 0.0
		signaling_lost.emit()


func _parse(packet: PackedByteArray) -> void:
	var message: Variant = JSON.parse_string(packet.get_string_from_utf8())
	if typeof(message) != TYPE_DICTIONARY:
		push_warning("rtcpeer: not a message of %s" % SUBPROTOCOL)
		return
	match message.get("kind", ""):
		"welcome":
			_welcomed(message)
		"joined":
			_member(message.member)
		"left":
			_left(int(message.id), message.get("reason", "") == "kicked")
		"signal":
			_signaled(int(message.from), message.data)
		"sealed":
			_sealed()
		"ice_servers": # for later links: the credentials of the welcome are about to expire
			_ice = message.get("ice_servers", [])
		"resume": # a fresh ticket: that of the welcome is about to become too old
			_resume = message.resume
		"error":
			_refused(message.get("code", ""), message.get("text", ""))
	# Kinds of a newer server are ignored.


func _welcomed(message: Dictionary) -> void:
	_resume = message.resume
	_ice = message.get("ice_servers", [])
	var back := _id != 0
	_backoff = REDIAL_FIRST
	_lost_for = -1.0
	if not back:
		_id = int(message.id)
		_host = int(message.host)
		lobby = message.room
		mesh = message.topology == "mesh"
		if not _create_peer():
			stop()
			return
		connected.emit(_id, mesh)
		lobby_joined.emit(lobby)
	var there := {}
	for member: Dictionary in message.get("members", []):
		there[int(member.id)] = true
	for peer_id: int in _members.keys():
		if not there.has(peer_id):
			_left(peer_id, false)
	for member: Dictionary in message.get("members", []):
		_member(member)
	if back:
		signaling_resumed.emit()
	if message.get("sealed", false):
		_sealed()
	elif sealed and _id == _host: # a server that restarted has forgotten
		seal_lobby()


func _create_peer() -> bool:
	var err: Error
	if mesh:
		err = rtc_mp.create_mesh(_id, channels)
	elif _id == _host:
		err = rtc_mp.create_server(channels)
	else:
		err = rtc_mp.create_client(_id, channels)
	if err != OK:
		failed.emit(0, "peer", "WebRTCMultiplayerPeer: %s" % error_string(err))
		return false
	multiplayer.multiplayer_peer = rtc_mp
	return true


# A member that joins, or is in the room of a welcome. The larger id offers, so that offers never cross.
func _member(member: Dictionary) -> void:
	var peer_id := int(member.id)
	var incarnation: String = member.get("incarnation", "")
	if _members.has(peer_id) and _members[peer_id] != incarnation:
		_left(peer_id, true) # its program was restarted
	var known := _members.has(peer_id)
	_members[peer_id] = incarnation
	var link: _Link = _links.get(peer_id)
	if link != null and not known and (link.incarnation != incarnation or not link.is_open()):
		_forget(peer_id)
		link = null
	if link == null:
		_add_link(peer_id).age = ATTEMPT_TIME # offer in the next frame: MultiplayerAPI has to see that the earlier link is over
	if not known:
		peer_connected.emit(peer_id)


# A member that lost the server need not have lost us: its link stays while it works, unless it is over.
func _left(peer_id: int, over: bool) -> void:
	if _members.has(peer_id):
		_members.erase(peer_id)
		peer_disconnected.emit(peer_id)
	var link: _Link = _links.get(peer_id)
	if link != null and (over or not link.is_open()):
		_forget(peer_id)


func _add_link(peer_id: int) -> _Link:
	var link := _Link.new()
	link.incarnation = _members.get(peer_id, "")
	_links[peer_id] = link
	return link


func _forget(peer_id: int) -> void:
	_links.erase(peer_id)
	if rtc_mp.has_peer(peer_id):
		rtc_mp.remove_peer(peer_id)


func _offer(peer_id: int) -> void:
	if _begin(peer_id, _links[peer_id].attempt + 1):
		_links[peer_id].connection.create_offer()


# A signal can be lost with the server, so the offering end offers again while there is no link.
func _retry_links(delta: float) -> void:
	for peer_id: int in _links.keys():
		var link: _Link = _links[peer_id]
		if link.opened and not rtc_mp.has_peer(peer_id):
			_links.erase(peer_id)
		elif link.is_open():
			link.opened = true
		elif not link.opened and _id > peer_id:
			link.age += delta
			if link.age >= ATTEMPT_TIME:
				_offer(peer_id)


# A Godot connection accepts only one offer or answer, so each attempt uses a new one.
func _begin(peer_id: int, attempt: int) -> bool:
	if rtc_mp.has_peer(peer_id):
		rtc_mp.remove_peer(peer_id)
	# MultiplayerAPI stops polling a client that has lost its host.
	if rtc_mp.get_connection_status() == MultiplayerPeer.CONNECTION_DISCONNECTED and not _create_peer():
		_links.erase(peer_id)
		return false
	var link: _Link = _links[peer_id]
	link.attempt = attempt
	link.described = false
	link.age = 0.0
	link.connection = WebRTCPeerConnection.new()
	var err := link.connection.initialize({"iceServers": _ice + ice_servers})
	if err == OK:
		link.connection.session_description_created.connect(_described.bind(peer_id, attempt, link.connection))
		link.connection.ice_candidate_created.connect(_candidate.bind(peer_id, attempt))
		err = rtc_mp.add_peer(link.connection, peer_id)
	if err != OK:
		_links.erase(peer_id)
		failed.emit(peer_id, "connect", "no WebRTC connection: %s (is the webrtc-native plugin installed?)" % error_string(err))
	return err == OK


func _described(type: String, sdp: String, peer_id: int, attempt: int, connection: WebRTCPeerConnection) -> void:
	connection.set_local_description(type, sdp)
	_signal(peer_id, {"type": type, "attempt": attempt, "sdp": sdp})


func _candidate(mid: String, index: int, candidate: String, peer_id: int, attempt: int) -> void:
	_signal(peer_id, {"type": "candidate", "attempt": attempt, "candidate": candidate, "sdpMid": mid, "sdpMLineIndex": index})


func _signaled(peer_id: int, data: Dictionary) -> void:
	var link: _Link = _links.get(peer_id)
	if link == null: # gone, and asking for a new link
		if data.get("type", "") != "offer" or _id > peer_id:
			return
		link = _add_link(peer_id)
	var attempt := int(data.get("attempt", 0))
	match data.get("type", ""):
		"offer":
			attempt = maxi(attempt, 1)
			if _id > peer_id or attempt <= link.attempt:
				return
			if link.attempt > 0:
				link.early.clear()
			if _begin(peer_id, attempt):
				link.connection.set_remote_description("offer", data.sdp) # this makes the answer as well
				_add_early(link)
		"answer":
			if _id > peer_id and not link.described and attempt in [0, link.attempt]:
				link.connection.set_remote_description("answer", data.sdp)
				_add_early(link)
		"candidate":
			if data.get("candidate", "") in ["", null] or not (attempt in [0, link.attempt] or link.attempt == 0):
				return
			if link.described:
				_add_candidate(link, data)
			elif link.early.size() < MAX_EARLY:
				link.early.append(data)
		"refuse":
			_forget(peer_id)
			failed.emit(peer_id, "refused", data.get("text", ""))


func _add_early(link: _Link) -> void:
	link.described = true
	for data in link.early:
		_add_candidate(link, data)
	link.early.clear()


func _add_candidate(link: _Link, data: Dictionary) -> void:
	link.connection.add_ice_candidate(data.get("sdpMid", "0"), int(data.get("sdpMLineIndex", 0)), data.candidate)


func _sealed() -> void:
	if not sealed:
		sealed = true
		lobby_sealed.emit()


func _refused(code: String, text: String) -> void:
	if code in NOT_FATAL:
		return # a signal for someone who has just left, mostly
	_last_error = code
	if code == "resume_refused":
		_resume = ""
	elif code == "kicked":
		for peer_id: int in _links.keys():
			_forget(peer_id)
	failed.emit(0, code, text)


func _signal(peer_id: int, data: Dictionary) -> void:
	_send({"kind": "signal", "to": peer_id, "data": data})


func _send(message: Dictionary) -> Error:
	if _ws == null or _ws.get_ready_state() != WebSocketPeer.STATE_OPEN:
		return ERR_UNAVAILABLE # lost with the server; the next attempt makes up for it
	return _ws.send_text(JSON.stringify(message))
