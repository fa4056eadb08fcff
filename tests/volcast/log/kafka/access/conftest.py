"""Brokers that demand a sign-in, without and with TLS, for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.volcast.log.kafka.secured_broker import (
    PASSWORD,
    USER,
    CertificateFiles,
    add_scram_user,
    certificate_files,
    scram,
)
from volcast.log.kafka.access.security import KafkaSecurity
from volcast.proof.processes.broker import Broker, broker


@pytest.fixture(scope="session")
def scram_broker() -> Iterator[Broker]:
    with broker(extra_properties=scram("SCRAM-SHA-512", "PLAIN")) as made:
        add_scram_user(made.bootstrap)
        yield made


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificate_files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls_broker(files: CertificateFiles) -> Iterator[Broker]:
    with broker(extra_properties=scram("SCRAM-SHA-256", "SCRAM-SHA-512") | dict(files.broker_properties)) as made:
        add_scram_user(made.bootstrap)
        yield made


@pytest.fixture
def over_tls(files: CertificateFiles) -> KafkaSecurity:
    return replace(
        KafkaSecurity(USER, PASSWORD),
        tls=True,
        ca_file=files.authority,
        client_cert_file=files.client_cert,
        client_key_file=files.client_key,
    )
