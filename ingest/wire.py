"""The bytes of a connection to a broker: read and written in large pieces, messages taken straight from them.

paho reads the head of a packet byte by byte, makes a dozen objects for each message and sends every acknowledgement by
a system call of its own; of a busy collector that was the larger half. A `Wire` therefore stands where paho expects its
socket. Messages that arrive, their acknowledgements and messages of QoS 0 are coded here. Every other packet is lent to
paho, whole, and what paho sends waits here with the rest until it is flushed."""

import ssl
from collections import deque
from collections.abc import Iterable
from socket import socket
from typing import NamedTuple

_PIECE = 256 * 1024
_LONGEST_TOPIC = 65_535
_PUBLISH, _QOS, _DUP = 0x30, 0x06, 0x08
_PUBACK = b"\x40\x02"
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Malformed(ConnectionError):
    """What the broker has sent is no packet; nothing after it can be understood."""


class Arrival(NamedTuple):
    """A message. mid: to acknowledge it by, 0 where nobody waits for that; dup: it may have come before."""

    topic: str
    payload: bytes
    mid: int
    dup: bool


class Wire:
    """Stands in a socket's place. v5: messages carry properties, which are skipped."""

    def __init__(self, sock: socket, *, v5: bool):
        self._sock = sock
        self._v5 = v5
        self._packets: deque[Arrival | bytes] = deque()
        self._pieces: list[bytes] = []  # of a packet that is not complete
        self._missing = 0  # bytes, at least, until it is
        self._lent = b""
        self._out = bytearray()
        self._ended: OSError | None = None

    # What paho asks of a socket.

    def recv(self, size: int) -> bytes:
        """Of the packet that is lent; after that nothing, or what ended the connection."""
        if not self._lent:
            raise self._ended or BlockingIOError
        taken, self._lent = self._lent[:size], self._lent[size:]
        return taken

    def send(self, data: bytes | bytearray) -> int:
        self._out += data
        return len(data)

    def close(self) -> None:
        """The good-bye may be waiting: it is sent as far as it goes."""
        self.flush()
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    # What the link asks.

    @property
    def is_ready(self) -> bool:
        """Whether there is something to take without waiting for the socket."""
        held = getattr(self._sock, "pending", None)  # TLS may have read ahead
        return bool(self._packets or self._ended or (held and held()))

    @property
    def has_unsent(self) -> bool:
        return bool(self._out)

    def take(self) -> Arrival | bytes | None:
        """The next message, or a packet to be lent (an empty one at the end of the connection); None: wait for more."""
        if not self._packets and self._ended is None:
            self._read()
        if self._packets:
            return self._packets.popleft()
        return None if self._ended is None else b""

    def lend(self, packet: bytes) -> None:
        self._lent = packet

    def acknowledge(self, mids: Iterable[int]) -> None:
        self._out += b"".join([_PUBACK + mid.to_bytes(2, "big") for mid in mids])

    def publish(self, topic: str, payload: bytes) -> None:
        """With QoS 0. A topic that is too long for MQTT has no subscribers."""
        name = topic.encode()
        if len(name) <= _LONGEST_TOPIC:
            head = len(name).to_bytes(2, "big") + name + (b"\0" if self._v5 else b"")
            self._out += b"%c%b%b%b" % (_PUBLISH, _length(len(head) + len(payload)), head, payload)

    def flush(self) -> None:
        """Send what the socket takes."""
        try:
            while self._out:
                del self._out[: self._sock.send(self._out)]
        except _NOT_NOW:
            pass
        except OSError as error:
            self._ended = self._ended or error

    def _read(self) -> None:
        try:
            data = self._sock.recv(_PIECE)
            if not data:
                raise ConnectionResetError("the broker has closed the connection")
            self._pieces.append(data)
            self._missing -= len(data)
            if self._missing <= 0:
                self._cut(b"".join(self._pieces))
        except _NOT_NOW:
            pass
        except OSError as error:
            self._ended = error

    def _cut(self, held: bytes) -> None:
        """Into packets; what is left begins the next one."""
        at = 0
        while True:
            begin, end = _body(held, at)
            if end > len(held):
                break
            is_message = held[at] & 0xF0 == _PUBLISH
            self._packets.append(self._message(held, at, begin, end) if is_message else held[at:end])
            at = end
        self._pieces, self._missing = [held[at:]], end - len(held)

    def _message(self, held: bytes, at: int, begin: int, end: int) -> Arrival:
        named = begin + 2
        after = named + int.from_bytes(held[begin:named], "big")
        topic, mid = held[named:after], 0
        if held[at] & _QOS:
            mid = int.from_bytes(held[after : after + 2], "big")
            after += 2
        if self._v5:
            after = _body(held, after - 1)[1]
        if after > end:
            raise Malformed("a message that ends before its payload begins")
        return Arrival(topic.decode(errors="replace"), held[after:end], mid, bool(held[at] & _DUP))


def _body(held: bytes, at: int) -> tuple[int, int]:
    """Where that begins and ends whose length stands one byte behind `at`; an end beyond what is held: not complete."""
    length = 0
    for place, shift in zip(range(at + 1, at + 5), (0, 7, 14, 21), strict=True):
        if place >= len(held):
            return place, len(held) + 1
        length |= (held[place] & 127) << shift
        if held[place] < 128:
            return place + 1, place + 1 + length
    raise Malformed("a packet whose length does not end")


def _length(number: int) -> bytes:
    """A length as MQTT writes it: seven bits a byte, the lowest first."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)
