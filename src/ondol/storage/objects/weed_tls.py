"""Certificates with which the parts of one SeaweedFS know each other on their gRPC ports and the master's HTTP port.

Those ports carry everything, past the S3 credentials: the filer's reads and deletes any entry, the volume server's
gives any data, the master's drops whole buckets (``/col/delete``). SeaweedFS serves them to whoever connects unless it
has certificates; with them it takes only peers that show one of the same authority (mutual TLS; SeaweedFS wiki,
"Security Configuration"). Authority and key are made anew at each start, for this one process, and the authority's own
key is never written down.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=3650)  # of one run; no run lasts that long
_PARTS = ("master", "volume", "filer", "s3", "client")


def write_certificates(folder: Path) -> dict[str, str]:
    """Make an authority and one certificate, write what SeaweedFS reads, and give the settings that name it.

    Parameters
    ----------
    folder : gets ``grpc-ca.crt``, ``grpc.crt`` and ``grpc.key`` (mode 0600), which replace older ones

    The settings are environment variables of the ``weed`` process. The processes of the same user can read the key,
    as they can read SeaweedFS's memory: only a sandbox keeps a job of the platform's own user out.
    """
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("ondol object store", authority_key.public_key(), authority_key, None)
    own = _certificate("ondol weed", key.public_key(), authority_key, authority)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files = {
        "ca": ("grpc-ca.crt", authority.public_bytes(serialization.Encoding.PEM)),
        "cert": ("grpc.crt", own.public_bytes(serialization.Encoding.PEM)),
        "key": ("grpc.key", private),
    }
    for name, content in files.values():
        path = folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
    paths = {what: str(folder / name) for what, (name, _) in files.items()}
    settings = {"WEED_GRPC_CA": paths["ca"]}
    for what, place in paths.items():  # else whoever asks the master's plain HTTP port may drop a whole bucket
        settings[f"WEED_HTTPS_MASTER_{what.upper()}"] = place
    for part in _PARTS:
        settings[f"WEED_GRPC_{part.upper()}_CERT"] = paths["cert"]
        settings[f"WEED_GRPC_{part.upper()}_KEY"] = paths["key"]
    return settings


def _certificate(
    name: str,
    public_key: ec.EllipticCurvePublicKey,
    signing_key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
) -> x509.Certificate:
    """Make a certificate; without an issuer one of an authority, signed by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _LIFE)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    if issuer is not None:
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(both, critical=False)
    return builder.sign(signing_key, hashes.SHA256())
