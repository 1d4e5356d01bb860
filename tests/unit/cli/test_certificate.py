"""`lambdad certificate`: what it makes is what clients accept, and nobody else can have."""

from __future__ import annotations

import ipaddress
import shlex
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store
from stand_in import Run

from lambdad.cli.local_certificate import lambda_regions, make_certificate, names_of
from lambdad.config import Config

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Lambdad = Callable[..., Run]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "some" / "where"


def certificates_in(file: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(file.read_bytes())


def names_in(certificate: x509.Certificate) -> list[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in extension.value]


def test_what_is_written_is_what_a_server_and_its_clients_need(run: Lambdad, place: Path) -> None:
    # When
    ended = run("certificate", "--to", place, "--host", "lambda.us-east-1.amazonaws.com")
    # Then
    assert (ended.code, ended.err) == (0, "")
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert files == {"ca.pem": 0o644, "cert.pem": 0o644, "key.pem": 0o600}
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    (authority,) = certificates_in(place / "ca.pem")
    certificate, chained = certificates_in(place / "cert.pem")
    assert chained == authority
    assert "lambda.us-east-1.amazonaws.com" in names_in(certificate)
    key = load_pem_private_key((place / "key.pem").read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    for line in ("--tls-cert", "AWS_CA_BUNDLE", "curl --cacert"):
        assert line in ended.out


def test_what_it_tells_to_serve_with_is_accepted(run: Lambdad, place: Path) -> None:
    ended = run("certificate", "--to", place)
    serve = next(line for line in ended.out.splitlines() if "lambdad serve" in line)
    _, certificate, _, key = shlex.split(serve.partition("lambdad serve ")[2])
    assert Config.load({"tls_cert": certificate, "tls_key": key}, {}).tls_context() is not None
    assert ssl.create_default_context(cafile=str(place / "ca.pem")).get_ca_certs()


def test_a_certificate_that_is_there_is_replaced_only_by_force(run: Lambdad, place: Path) -> None:
    run("certificate", "--to", place)
    key = (place / "key.pem").read_bytes()
    refused = run("certificate", "--to", place)
    assert refused.code == 2
    assert "ca.pem, cert.pem, key.pem already; --force replaces it" in refused.err
    assert (place / "key.pem").read_bytes() == key
    assert run("certificate", "--to", place, "--force").code == 0
    assert (place / "key.pem").read_bytes() != key
    assert len(list(place.iterdir())) == 3


def test_it_lies_among_the_users_settings_unless_said_otherwise(
    run: Lambdad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert run("certificate").code == 0
    assert (tmp_path / "lambdad" / "tls" / "key.pem").exists()


def test_a_place_that_cannot_be_written_is_named(run: Lambdad) -> None:
    ended = run("certificate", "--to", "/proc/nowhere")
    assert ended.code == 2
    assert "/proc/nowhere cannot be written" in ended.err


@pytest.mark.parametrize(
    "host",
    [
        *("", "a b", "a..b", "*", "*.*.a", "a/b", "-a", "a\n"),
        *("x" * 64, ".".join("a" * 200)),
    ],
)
def test_what_is_no_name_is_refused(run: Lambdad, place: Path, host: str) -> None:
    ended = run("certificate", "--to", place, f"--host={host}")
    assert ended.code == 2
    assert "is neither the name of a host nor an address" in ended.err
    assert not place.exists()


def test_names_are_those_of_this_machine_and_of_functions_in_every_region() -> None:
    names = names_of(["Bücher.example", "10.0.0.1", "localhost"], ["eu-west-1", "cn-north-1"])
    assert names == [
        *("localhost", "*.localhost", "127.0.0.1", "::1"),
        *("xn--bcher-kva.example", "10.0.0.1"),
        *("*.lambda-url.eu-west-1.localhost", "*.lambda-url.eu-west-1.on.aws"),
        *("*.lambda-url.cn-north-1.localhost", "*.lambda-url.cn-north-1.on.aws"),
    ]


def test_regions_are_those_of_every_partition() -> None:
    assert {"us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"} <= set(lambda_regions())


@pytest.mark.parametrize(
    "name",
    [
        *("localhost", "127.0.0.1", "::1"),
        *("abc.lambda-url.eu-west-1.localhost", "abc.lambda-url.eu-west-1.on.aws"),
    ],
)
def test_a_strict_verifier_accepts_it(name: str) -> None:
    """One that keeps to the rules of browsers' makers: names, lifetime, usages, identifiers."""
    # Given
    made = make_certificate(names_of([], ["eu-west-1"]), NOW)
    authority = x509.load_pem_x509_certificate(made.authority)
    certificate = x509.load_pem_x509_certificate(made.chain)
    # When
    is_name = name[0].isalpha()
    subject = x509.DNSName(name) if is_name else x509.IPAddress(ipaddress.ip_address(name))
    verifier = PolicyBuilder().store(Store([authority])).time(NOW).build_server_verifier(subject)
    # Then
    assert verifier.verify(certificate, []) == [certificate, authority]


def test_it_is_short_lived_and_for_servers_alone() -> None:
    made = make_certificate(["localhost"], NOW)
    certificate = x509.load_pem_x509_certificate(made.chain)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert timedelta(days=390) < lifetime <= timedelta(days=398)
    assert certificate.not_valid_before_utc < NOW
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)


def test_the_key_of_its_ca_is_in_none_of_the_files() -> None:
    made = make_certificate(["localhost"], NOW)
    authority = x509.load_pem_x509_certificate(made.authority)
    assert load_pem_private_key(made.key, None).public_key() != authority.public_key()
    assert b"".join((made.authority, made.chain, made.key)).count(b"PRIVATE KEY") == 2
