"""Until when a certificate is valid, without a library for it."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from energy.refused import Refused

_UTC_TIME, _VERSION = 0x17, 0xA0


def expires(pem: str) -> datetime:
    """The end of the validity (notAfter, RFC 5280 4.1.2.5) of the first certificate in a PEM file."""
    try:
        first = pem[pem.index("-----BEGIN CERTIFICATE") :]
        first = first[: first.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")]
        certificate = _parts(ssl.PEM_cert_to_DER_cert(first))
        signed = [part for part in _parts(next(_parts(next(certificate)[1]))[1]) if part[0] != _VERSION]
        # serial number, algorithm, issuer, validity: not before, not after
        return _time(*list(_parts(signed[3][1]))[1])
    except (ValueError, IndexError, StopIteration) as error:
        raise Refused("It is no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----.") from error


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in a run of DER."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            size = length - 0x80
            length, at = int.from_bytes(der[at : at + size]), at + size
        yield tag, der[at : at + length]
        at += length


def _time(tag: int, text: bytes) -> datetime:
    """Two digits of a year are of 1950 to 2049."""
    digits = text.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("19" if int(digits[:2]) >= 50 else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
