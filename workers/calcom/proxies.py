"""Which proxy the environment names for a URL, by httpx2's rules: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.

httpx2 asks the environment only where it is left its own transport, and does not say what it found.
"""

from __future__ import annotations

from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.request import getproxies

import httpx2

from workers.errors import Misconfigured


def proxy_for(url: httpx2.URL) -> httpx2.Proxy | None:
    """The proxy to reach that URL through, or None. Raises Misconfigured for one that cannot be used."""
    known = getproxies()
    spared = [entry.strip() for entry in known.get("no", "").split(",")]
    address = known.get(url.scheme) or known.get("all")
    if not address or any(_spares(entry, url) for entry in spared):
        return None
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (httpx2.InvalidURL, ValueError):  # the text is not repeated: it may hold a password
        raise Misconfigured(
            "the proxy in the environment (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY) must be http://host:port, "
            "or https:// or socks5:// in front."
        ) from None
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise Misconfigured("the proxy in the environment is of SOCKS, for which the package socksio is not installed.")
    return proxy


def _spares(entry: str, url: httpx2.URL) -> bool:
    """Whether that entry of NO_PROXY means the URL.

    `example.com` means its subdomains too, `.example.com` and `*.example.com` only them; after `scheme://` a name
    means itself alone. Addresses may be networks. A port, where there is one, has to be the same.
    """
    if entry in ("", "*"):
        return entry == "*"
    scheme, explicit, name = entry.rpartition("://")
    if explicit and scheme not in ("all", url.scheme):
        return False
    try:
        return ip_address(url.host) in ip_network(name.strip("[]"), strict=False)
    except ValueError:
        pass  # one of them is a name
    try:
        meant = httpx2.URL(f"all://{name}")
    except httpx2.InvalidURL:
        return False
    if meant.port not in (None, url.port) or meant.path not in ("", "/"):
        return False
    bare = meant.host.lstrip("*").lstrip(".")
    within = url.host.endswith(f".{bare}")
    if meant.host.startswith((".", "*.")):
        return within
    alone = bare == "localhost" or (explicit and not meant.host.startswith("*"))
    return url.host == bare or (within and not alone)
