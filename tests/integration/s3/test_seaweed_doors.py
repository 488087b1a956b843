"""What a process of this machine can do on SeaweedFS's ports without its credentials: nothing that matters."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import stat
from typing import Any

import httpx2
import pytest

from ondol.storage.objects.s3 import S3ObjectStore

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


@pytest.fixture
def ports(weed: Any) -> dict[str, int]:
    return dict(json.loads((weed.folder / "weed.json").read_text())["ports"])


@pytest.mark.parametrize("part", ["master_grpc", "volume_grpc", "filer_grpc", "s3_grpc", "master"])
def test_ports_without_s3_credentials_want_a_certificate(ports: dict[str, int], part: str) -> None:
    """Given a stranger on loopback, when it speaks HTTP/2 plainly or in TLS without a certificate, it is hung up on."""
    with socket.create_connection(("127.0.0.1", ports[part]), timeout=5) as plain:
        plain.sendall(HTTP2_PREFACE)
        told = plain.recv(100)
        assert told == b"" or told.startswith(b"HTTP/1.0 400"), told
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", ports[part]), timeout=5) as under:
        secure = context.wrap_socket(under)  # TLS 1.3 tells of the missing certificate at the first read
        secure.sendall(HTTP2_PREFACE)
        with pytest.raises(ssl.SSLError, match="CERT"):
            secure.recv(100)
        secure.close()


def test_local_sockets_are_no_way_round(ports: dict[str, int]) -> None:
    for part in ("master", "volume", "filer", "s3"):
        with socket.socket(socket.AF_UNIX) as local:
            local.settimeout(5)
            local.connect(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}_grpc']}.sock")
            local.sendall(HTTP2_PREFACE)
            assert local.recv(100) == b""


def test_plain_http_ports_give_and_take_no_data(weed: Any, ports: dict[str, int]) -> None:
    store = S3ObjectStore(weed.url, weed.access_key, weed.secret_key)
    store.create_bucket("doors")
    store.put_bytes("doors", "k", b"x" * 100_000)
    with httpx2.Client(trust_env=False, timeout=10) as stranger:
        for part, method, path in (
            ("filer", "GET", "/buckets/doors/k"),
            ("filer", "GET", "/buckets/doors/?pretty=y"),
            ("filer", "DELETE", "/buckets/doors/k"),
            ("filer", "PUT", "/buckets/doors/new"),
            ("filer", "POST", "/.tus/buckets/doors/new"),
            ("filer", "POST", "/buckets/doors/?op=append"),
            ("volume", "GET", "/1,0000000000"),
            ("volume", "DELETE", "/1,0000000000"),
            ("volume", "GET", "/admin/assign_volume?volume=9"),
            ("s3", "GET", "/doors/k"),
            ("s3", "DELETE", "/doors/k"),
        ):
            headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"} if ".tus" in path else {}
            answer = stranger.request(method, f"http://127.0.0.1:{ports[part]}{path}", headers=headers)
            assert answer.status_code in {400, 401, 403, 404, 405}, (
                part,
                method,
                path,
                answer.status_code,
                answer.text,
            )
            assert "xxxx" not in answer.text
        with contextlib.suppress(httpx2.TransportError):
            stranger.get(f"http://127.0.0.1:{ports['master']}/col/delete?collection=doors")
    assert store.get_bytes("doors", "k") == b"x" * 100_000


def test_the_key_is_for_its_owner_only(weed: Any) -> None:
    for name in ("grpc.key", "grpc.crt", "grpc-ca.crt", "s3.json"):
        assert stat.S_IMODE((weed.folder / name).stat().st_mode) == 0o600
