"""docker-compose.yml against what the code reads: the same services, ports, variables and commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.embedded.jars import KAFKA_VERSION
from bus.settings import Settings, load_settings
from connectors.hospital.settings import HospitalSettings
from connectors.municipality.settings import MunicipalitySettings
from connectors.school.settings import SchoolSettings

CONNECTORS = ("hospital", "school", "municipality")
OURS = (*CONNECTORS, "router", "topics", "contract")
KEY = "kfyQ0v3rXwq8Zs1mBt6uHj2nLc5eDgAoPi9xYbTfRkE="


@pytest.fixture(scope="session")
def compose(repository: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def settings_of(compose, repository, monkeypatch):
    """Builds a service's settings as its container would: its variables, over the mounted file."""

    def build(service: str) -> Settings:
        for name, value in _variables(compose, service).items():
            monkeypatch.setenv(name, KEY if "PSEUDONYM__KEY" in name else value)
        monkeypatch.delenv("SAMBAND_CONFIG")
        return load_settings(repository / "deploy" / "samband.example.toml")

    return build


def _variables(compose: dict[str, Any], service: str) -> dict[str, str]:
    return dict(compose["services"][service]["environment"])


def _container_ports(compose: dict[str, Any], service: str) -> list[int]:
    return [int(port.rpartition(":")[2]) for port in compose["services"][service].get("ports", [])]


def test_docker_compose_accepts_the_file(repository):
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed (Debian: apt-get install docker-compose)")
    done = subprocess.run(
        [tool, "-f", "docker-compose.yml", "config", "--quiet"],
        cwd=repository, env={"SAMBAND_PSEUDONYM__KEY": KEY, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_docker_compose_asks_for_the_key(repository):
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed (Debian: apt-get install docker-compose)")
    if (repository / ".env").exists():
        pytest.skip("this working copy has an .env with a key of its own")
    done = subprocess.run(
        [tool, "-f", "docker-compose.yml", "config"],
        cwd=repository, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "openssl rand -base64 48" in done.stderr


def test_services_are_the_whole_system(compose):
    assert set(compose["services"]) == {"kafka", "registry", "prometheus", *OURS}
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


@pytest.mark.parametrize("service", OURS)
def test_variables_are_settings_with_safe_values(settings_of, service):
    settings = settings_of(service)
    assert settings.bootstrap_servers == "kafka:9092"
    assert settings.registry_url == "http://registry:8080/apis/ccompat/v7"
    assert settings.log.format == "json"
    assert not settings.demo


@pytest.mark.parametrize("service", OURS)
def test_commands_exist(compose, service):
    command = compose["services"][service]["command"]
    done = subprocess.run(
        [sys.executable, "-m", "samband", *command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for option in (word for word in command if word.startswith("--")):
        assert option in done.stdout


def test_every_image_is_pinned(compose):
    images = [service["image"] for service in compose["services"].values()]
    assert all(re.search(r":(v?\d+\.\d+\.\d+|local)$", image) for image in images)


def test_ports_are_published_on_this_machine_alone(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_published_ports_are_the_ones_listened_on(compose, settings_of):
    settings = settings_of("hospital").connectors["hospital"]
    hospital = HospitalSettings.model_validate(settings.extras)
    assert [hospital.port] == _container_ports(compose, "hospital")
    assert hospital.host == "0.0.0.0"  # noqa: S104 - inside its container

    settings = settings_of("municipality").connectors["municipality"]
    municipality = MunicipalitySettings.model_validate(settings.extras)
    assert municipality.http is not None
    assert [municipality.http.port] == _container_ports(compose, "municipality")
    assert municipality.http.host == "0.0.0.0"  # noqa: S104 - inside its container


def test_drop_folders_are_mounted_where_the_connectors_look(compose, settings_of):
    workdir = Path("/var/lib/samband")
    school = SchoolSettings.model_validate(settings_of("school").connectors["school"].extras)
    extras = settings_of("municipality").connectors["municipality"].extras
    municipality = MunicipalitySettings.model_validate(extras)
    assert municipality.drop is not None
    for service, drop in (("school", school.drop), ("municipality", municipality.drop)):
        mounts = [volume.split(":")[1] for volume in compose["services"][service]["volumes"]]
        assert str(workdir / drop.folder) in mounts


def test_connectors_of_the_example_are_the_services(settings_of):
    settings = settings_of("router")
    assert tuple(settings.connectors) == CONNECTORS
    assert all(settings.connectors[name].kind == name for name in CONNECTORS)


@pytest.mark.parametrize("service", CONNECTORS)
def test_only_connectors_get_the_key(compose, service):
    with_key = {name for name in OURS if "SAMBAND_PSEUDONYM__KEY" in _variables(compose, name)}
    assert service in with_key
    assert with_key == set(CONNECTORS)


def test_prometheus_asks_every_process(compose, repository, settings_of):
    text = (repository / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (group,) = job["static_configs"]
    running = {name for name in OURS if compose["services"][name].get("restart") != "no"}
    assert set(group["targets"]) == {f"{name}:{settings_of(name).admin.port}" for name in running}


def test_image_runs_as_a_user_of_its_own(repository):
    dockerfile = (repository / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)", last_stage, re.MULTILINE)


def test_image_gets_every_package(repository):
    dockerfile = (repository / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    for room in ("schemas", "bus", "connectors", "router", "samband"):
        assert f"COPY {room} {room}\n" in dockerfile


def test_image_is_compiled_or_not_made(repository):
    first_stage, _, last_stage = (
        (repository / "deploy" / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")
    )
    assert "COPY tools/native.py tools/native.py\n" in first_stage
    assert "import COMPILED; raise SystemExit(not COMPILED)" in first_stage
    assert "gcc" not in last_stage
