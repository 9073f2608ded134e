"""Which brokers to talk to and how: the one place where clients get their connection arguments."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.helpers import create_ssl_context

from bus.embedded.folder import BrokerFolder
from bus.errors import BrokerNotFoundError, translated
from bus.settings import KafkaSecurity, Settings, SettingsRefusedError


def bootstrap_servers(settings: Settings) -> str:
    """The configured brokers, else the embedded one of data_dir. BrokerNotFoundError if there is none."""
    if settings.bootstrap_servers is not None:
        return settings.bootstrap_servers
    found = BrokerFolder(settings.data_dir / "broker").running()
    if found is not None:
        return found.bootstrap_servers
    raise BrokerNotFoundError(
        "no Kafka broker is known",
        fix="start one with `samband broker start` or set SAMBAND_BOOTSTRAP_SERVERS",
    )


def connection(settings: Settings, client_id: str) -> dict[str, Any]:
    """The arguments that every aiokafka client takes for its connection."""
    security = settings.kafka.security
    arguments: dict[str, Any] = {
        "bootstrap_servers": bootstrap_servers(settings),
        "client_id": f"samband-{client_id}",
        "request_timeout_ms": int(settings.kafka.request_timeout_seconds * 1000),
        "security_protocol": security.protocol,
    }
    if security.protocol.endswith("SSL"):
        arguments["ssl_context"] = _ssl_context(security)
    if security.protocol.startswith("SASL") and security.sasl_password is not None:
        arguments["sasl_mechanism"] = security.sasl_mechanism
        arguments["sasl_plain_username"] = security.sasl_username
        arguments["sasl_plain_password"] = security.sasl_password.get_secret_value()
    return arguments


@asynccontextmanager
async def admin_client(settings: Settings, client_id: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client. What connecting raises is one of our errors, e.g. BusUnavailableError."""
    client = AIOKafkaAdminClient(**connection(settings, client_id))
    try:
        with translated("connecting the admin client"):
            await client.start()
        yield client
    finally:
        await client.close()


def _ssl_context(security: KafkaSecurity) -> ssl.SSLContext:
    password = security.key_password.get_secret_value() if security.key_password else None
    try:
        context: ssl.SSLContext = create_ssl_context(
            cafile=security.ca_file, certfile=security.cert_file, keyfile=security.key_file, password=password
        )
    except OSError as error:
        raise SettingsRefusedError(
            f"kafka.security: a certificate or key cannot be used: {type(error).__name__}",
            fix="check ca_file, cert_file, key_file and key_password",
        ) from None
    return context
