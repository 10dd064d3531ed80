"""Would Cal.com post to this address? Pure: it reads the text and resolves nothing, as Cal.com does."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

#: where the hosted Cal.com's API is; anything else is somebody's own
HOSTED_API = "api.cal.com"
_LOCAL_NAMES = ("localhost", "metadata.google.internal")
_LOCAL_ENDS = (".localhost", ".local", ".internal")


def is_hosted(base_url: str) -> bool:
    """Whether a connection's base URL is the hosted Cal.com's."""
    return _host(base_url) == HOSTED_API


def objection(url: str, base_url: str) -> str | None:
    """Why the Cal.com at `base_url` would never post to `url`, as half a sentence; None where it would.

    The hosted Cal.com takes https and public hosts only: loopback, private, link-local, carrier-grade NAT,
    reserved and benchmark addresses and the metadata hosts of clouds are refused. One that a company runs itself
    takes http and private hosts too. It reads the address when the webhook is made and resolves no name.
    """
    if not is_hosted(base_url):
        return None
    if not url.startswith("https://"):
        return "it is not https"
    host = _host(url)
    if host is None:
        return "it has no host"
    return private(host)


def private(host: str) -> str | None:
    """Why a host is not one of the public internet, as half a sentence; None where its text does not say so."""
    name = host.rstrip(".").lower()
    if name in _LOCAL_NAMES or name.endswith(_LOCAL_ENDS):
        return f"{name} is a name of this machine or network only"
    try:
        address = ip_address(name)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not address.is_global or address.is_multicast:
        return f"{name} is not an address of the public internet"
    return None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
