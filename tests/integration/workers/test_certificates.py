from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from workers import certificates


def test_certificates_are_read_once_from_each_place_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = certificates.known()
    assert certificates.known() is usual

    file = tmp_path / "one.pem"
    file.write_text(ssl.DER_cert_to_PEM_cert(usual.get_ca_certs(binary_form=True)[0]))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    named = certificates.known()

    assert named.get_ca_certs() == usual.get_ca_certs()[:1]
    assert certificates.known() is named
