"""TLS with client certificates, by certificates made for the test."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.hospital.testing import adt
from tests.connectors.hospital.messages import EMIL, envelope
from tests.connectors.hospital.rig import running


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate, which signs for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


async def test_only_clients_with_a_certificate_are_heard(tmp_path):
    server, client = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    tls = {"certificate": str(server[0]), "key": str(server[1]), "client_ca": str(client[0])}
    known = ssl.create_default_context(cafile=str(server[0]))
    known.load_cert_chain(*client)
    stranger = ssl.create_default_context(cafile=str(server[0]))
    message = adt("A31", envelope("M1"), EMIL)
    async with running(tmp_path, tls=tls) as hospital:
        async with hospital.sender(tls=known) as sender:
            (answer,) = await sender.send(message)
            assert answer.code == "AA"
        async with hospital.sender(tls=stranger) as sender:
            with pytest.raises((OSError, EOFError)):  # noqa: PT012 - TLS 1.3 tells the client late
                await sender.send_raw(message)
                await sender.receive()
        async with hospital.sender() as sender:
            with pytest.raises((OSError, EOFError)):  # noqa: PT012 - the server hangs up on plain text
                await sender.send_raw(message)
                await sender.receive()
        assert hospital.outcomes == [("PUBLISHED", "")]
