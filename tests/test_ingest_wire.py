"""The bytes of a connection: whatever pieces they come and go in, they are the same packets."""

import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ingest.wire import Arrival, Wire

_SUBACK = b"\x90\x04\x00\x01\x00\x01"  # a packet that is paho's


def sent(message: Arrival, *, v5: bool = True, properties: bytes = b"") -> bytes:
    """A message as a broker sends it."""
    body = len(message.topic.encode()).to_bytes(2, "big") + message.topic.encode()
    body += message.mid.to_bytes(2, "big") if message.mid else b""
    body += bytes([len(properties)]) + properties if v5 else b""
    body += message.payload
    length, digits = len(body), b""
    while length > 127:
        digits, length = digits + bytes([length & 127 | 128]), length >> 7
    return bytes([0x30 | message.dup << 3 | bool(message.mid) << 1]) + digits + bytes([length]) + body


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The broker's end and ours."""
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    yield theirs, ours
    theirs.close()
    ours.close()


def taken(wire: Wire) -> list[Arrival | bytes]:
    packets = []
    while packet := wire.take():
        packets.append(packet)
    return packets


messages = some.builds(
    Arrival,
    some.text(min_size=1, max_size=20),
    some.binary(max_size=300) | some.just(b"\0" * 20_000),
    some.integers(0, 65_535),
    some.booleans(),
)


@settings(deadline=None)
@given(some.lists(messages | some.just(_SUBACK), max_size=8), some.booleans(), some.data())
def test_packets_are_the_same_wherever_the_stream_is_cut(
    packets: list[Arrival | bytes], v5: bool, data: some.DataObject
) -> None:
    stream = b"".join(sent(each, v5=v5) if isinstance(each, Arrival) else each for each in packets)
    cuts = sorted({0, len(stream), *data.draw(some.lists(some.integers(0, len(stream)), max_size=8))})
    theirs, ours = socket.socketpair()
    with theirs, ours:
        ours.setblocking(False)
        wire, found = Wire(ours, v5=v5), []
        for begin, end in pairwise(cuts):
            theirs.sendall(stream[begin:end])
            found += taken(wire)
    assert found == packets


def test_a_message_of_the_largest_size_arrives_whole(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    wire, message = Wire(ours, v5=True), Arrival("enermon/v1/INV-1/readings", bytes(range(256)) * 4096, 7, False)
    stream, found = sent(message), []
    for begin in range(0, len(stream), 50_000):
        theirs.sendall(stream[begin : begin + 50_000])
        found += taken(wire)
    assert found == [message]


def test_properties_of_a_message_are_skipped(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(sent(Arrival("t", b"{}", 1, True), properties=b"\x01\x01"))
    assert taken(Wire(ours, v5=True)) == [Arrival("t", b"{}", 1, True)]


def test_a_packet_that_is_lent_is_read_to_its_end_and_no_further(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    wire = Wire(ours, v5=True)
    theirs.sendall(_SUBACK + sent(Arrival("t", b"{}", 1, False)))
    packet = wire.take()
    assert packet == _SUBACK
    wire.lend(packet)
    assert [wire.recv(1), wire.recv(1), wire.recv(10)] == [b"\x90", b"\x04", b"\x00\x01\x00\x01"]
    with pytest.raises(BlockingIOError):
        wire.recv(1)
    assert wire.take() == Arrival("t", b"{}", 1, False)
    assert wire.take() is None


@pytest.mark.parametrize(
    "stream",
    [
        b"\x32\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x32\x03\x00\x09t",  # a topic longer than the packet
        b"\x32\x03\x00\x01t",  # no number to acknowledge it by
    ],
)
def test_what_is_no_packet_ends_the_connection(ends: tuple[socket.socket, socket.socket], stream: bytes) -> None:
    theirs, ours = ends
    wire = Wire(ours, v5=True)
    theirs.sendall(sent(Arrival("t", b"{}", 1, False)) + stream)
    assert [wire.take(), wire.take()] == [Arrival("t", b"{}", 1, False), b""]
    with pytest.raises(ConnectionError):
        wire.recv(1)


def test_what_came_before_the_connection_was_closed_is_taken_first(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    wire = Wire(ours, v5=True)
    theirs.sendall(_SUBACK)
    theirs.close()
    assert [wire.take(), wire.take()] == [_SUBACK, b""]
    wire.acknowledge([1])
    wire.flush()
    with pytest.raises(ConnectionResetError):
        wire.recv(1)


def test_acknowledgements_and_receipts_leave_in_their_order(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    wire = Wire(ours, v5=True)
    wire.publish("enermon/v1/INV-1/receipt", b"{}" * 100)
    wire.acknowledge([1, 515])
    wire.send(b"\xc0\x00")
    wire.publish("t" * 65_536, b"nobody can listen to this topic")
    assert wire.has_unsent
    wire.flush()
    assert not wire.has_unsent
    assert theirs.recv(4096) == (
        b"\x30\xe3\x01\x00\x18enermon/v1/INV-1/receipt\x00" + b"{}" * 100 + b"\x40\x02\x00\x01\x40\x02\x02\x03\xc0\x00"
    )


def test_a_full_socket_takes_what_waits_bit_by_bit(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    wire, received = Wire(ours, v5=False), 0
    for _ in range(3):
        wire.publish("t", bytes(1_000_000))
    while wire.has_unsent:
        wire.flush()
        received += len(theirs.recv(1 << 20))
    theirs.setblocking(False)
    while received < 3 * (1 + 3 + 3 + 1_000_000):
        received += len(theirs.recv(1 << 20))
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
