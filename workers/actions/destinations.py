"""Where an `http` step may send to: the public internet, and what DAYBOOK_HTTP_ALLOW names. Pure; resolves nothing.

A name says nothing about where it leads: what counts is the address that is connected to, each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from workers import addresses

#: IPv6 addresses whose last 32 bits are the IPv4 address that is reached: compatible, translated (NAT64)
_HOLDING_IPV4 = (ip_network("::/96"), ip_network("64:ff9b::/96"))
#: beside what the library calls not global: site-local, and the local-use prefix of NAT64
_INSIDE = (ip_network("fec0::/10"), ip_network("64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be sent to beside the public internet."""

    hosts: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """From host names, addresses and CIDRs."""
        hosts, networks = set(), []
        for entry in entries:
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(_plain(entry))
        return cls(frozenset(hosts), tuple(networks))

    def objection(self, host: str, address: str) -> str | None:
        """Why `address`, to which `host` leads, may not be sent to, as half a sentence; None where it may."""
        try:
            reached = _reached(ip_address(address))
        except ValueError:
            return f"{host} leads to what is no address"
        if _plain(host) in self.hosts or any(reached in network for network in self.networks):
            return None
        if reached.is_global and not reached.is_multicast and not any(reached in network for network in _INSIDE):
            return None
        return f"{host} is not on the public internet, and DAYBOOK_HTTP_ALLOW does not name it"

    def written(self, host: str) -> str | None:
        """The same as far as the text of a host tells, before anything is resolved."""
        try:
            ip_address(host)
        except ValueError:
            if self.networks or _plain(host) in self.hosts:
                return None  # the address it leads to decides
            local = addresses.private(host)
            return f"{local}, and DAYBOOK_HTTP_ALLOW does not name it" if local else None
        return self.objection(host, host)


def _plain(host: str) -> str:
    return host.strip().rstrip(".").lower()


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside of an IPv6 one that leads there, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and int(address) > 1 and any(address in network for network in _HOLDING_IPV4):
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    return inside or address
