"""The Kubernetes manifests agree with the settings, the commands, the image, and each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from driftline.cli import COMMANDS
from driftline.settings import Settings, load_settings

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "kubernetes"
Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    names = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["resources"]
    return [found for name in names for found in yaml.safe_load_all((FOLDER / name).read_text("utf-8"))]


MANIFESTS = manifests()
BY_NAME = {(one["kind"], one["metadata"]["name"]): one for one in MANIFESTS}
PODS = [one for one in MANIFESTS if one["kind"] in ("Deployment", "StatefulSet")]
POD = pytest.mark.parametrize("workload", PODS, ids=lambda one: one["metadata"]["name"])
NEEDED = {"Deployment": ("selector", "template"), "StatefulSet": ("selector", "template", "serviceName")}


def pod_of(workload: Manifest) -> Manifest:
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def container_of(workload: Manifest) -> Manifest:
    (container,) = pod_of(workload)["containers"]
    found: Manifest = container
    return found


def environment(workload: Manifest) -> dict[str, str]:
    """The variables that a container starts with."""
    found: dict[str, str] = {}
    for source in container_of(workload)["envFrom"]:
        (kind, reference), = source.items()  # fmt: skip
        if kind == "configMapRef":
            found |= BY_NAME["ConfigMap", reference["name"]]["data"]
        else:
            found |= BY_NAME["Secret", reference["name"]]["stringData"]
    return found | {one["name"]: one["value"] for one in container_of(workload).get("env", ())}


def test_every_file_is_used_and_every_worker_is_there() -> None:
    used = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert sorted([*used, "kustomization.yaml"]) == sorted(path.name for path in FOLDER.iterdir())
    assert {"score", "monitor", "retrain", "api", "dashboard"} == {one["metadata"]["name"] for one in PODS}


@POD
def test_its_variables_are_settings_with_values_that_they_take(
    workload: Manifest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    told = environment(workload)
    assert {name.removeprefix("DRIFTLINE_").lower() for name in told} <= set(Settings.model_fields)
    for name, value in told.items():
        assert isinstance(value, str)
        monkeypatch.setenv(name, value)
    load_settings()


def test_secrets_are_in_the_secret_and_nothing_else_is() -> None:
    secret = {
        f"DRIFTLINE_{name.upper()}" for name, field in Settings.model_fields.items() if SecretStr in _types(field)
    }
    public = {name for one in MANIFESTS if one["kind"] == "ConfigMap" for name in one["data"]}
    assert public & secret == {"DRIFTLINE_REDIS"}  # without a password in it
    assert "@" not in BY_NAME["ConfigMap", "driftline"]["data"]["DRIFTLINE_REDIS"]
    assert set(BY_NAME["Secret", "driftline"]["stringData"]) <= secret


def _types(field: Any) -> set[Any]:
    return {field.annotation, *getattr(field.annotation, "__args__", ())}


@POD
def test_it_is_what_kubernetes_expects(workload: Manifest) -> None:
    spec, labels = workload["spec"], workload["spec"]["template"]["metadata"]["labels"]
    assert workload["apiVersion"] == "apps/v1"
    assert all(part in spec for part in NEEDED[workload["kind"]])
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    if workload["kind"] == "StatefulSet":
        assert ("Service", spec["serviceName"]) in BY_NAME


@POD
def test_it_runs_a_command_of_the_image(workload: Manifest) -> None:
    container = container_of(workload)
    assert container["args"][0] in COMMANDS
    assert "command" not in container  # the image's entry point is driftline
    assert 'ENTRYPOINT ["driftline"]' in (ROOT / "Dockerfile").read_text("utf-8")
    images = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["images"]
    assert container["image"] in {image["name"] for image in images}


@POD
def test_its_pods_meet_the_restricted_standard(workload: Manifest) -> None:
    pod, container = pod_of(workload), container_of(workload)
    assert pod["securityContext"]["runAsNonRoot"]
    assert f"--uid {pod['securityContext']['runAsUser']} " in (ROOT / "Dockerfile").read_text("utf-8")
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert {"requests", "limits"} == set(container["resources"])


@POD
def test_its_probes_ask_where_the_worker_answers(workload: Manifest) -> None:
    container = container_of(workload)
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
    probes = [container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe") if name in container]
    assert len(probes) >= 2
    for probe in probes:
        if "exec" in probe:
            home = home_of(workload)
            assert probe["exec"]["command"][-1] == f"{home}/ready/{container['args'][0]}"
        else:
            name = container["args"][0]
            assert environment(workload)[f"DRIFTLINE_{name.upper()}_PORT"] == str(ports[probe["httpGet"]["port"]])
            assert environment(workload)[f"DRIFTLINE_{name.upper()}_HOST"] == "0.0.0.0"


@POD
def test_its_metrics_are_where_it_announces_them(workload: Manifest) -> None:
    told = workload["spec"]["template"]["metadata"]["annotations"]
    ports = {port["name"]: str(port["containerPort"]) for port in container_of(workload)["ports"]}
    assert environment(workload)["DRIFTLINE_METRICS_PORT"] == ports["metrics"] == told["prometheus.io/port"]
    assert environment(workload)["DRIFTLINE_METRICS_HOST"] == "0.0.0.0"


def home_of(workload: Manifest) -> str:
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(workload)["volumeMounts"]}
    home: str = mounts["home"]
    assert f"DRIFTLINE_HOME={home}" in (ROOT / "Dockerfile").read_text("utf-8")
    return home


@POD
def test_what_it_mounts_is_there_and_a_spool_outlives_its_pod(workload: Manifest) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(workload).get("volumes", ())}
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())}
    assert {mount["name"] for mount in container_of(workload)["volumeMounts"]} == set(volumes) | claims
    assert ("home" in claims) == (container_of(workload)["args"] == ["api"])
    for volume in volumes.values():
        if "configMap" in volume:
            assert ("ConfigMap", volume["configMap"]["name"]) in BY_NAME


def test_services_lead_to_ports_of_pods() -> None:
    for service in (one for one in MANIFESTS if one["kind"] == "Service"):
        behind = [
            one for one in PODS
            if service["spec"]["selector"].items() <= one["spec"]["template"]["metadata"]["labels"].items()
        ]  # fmt: skip
        assert behind
        names = {port["name"] for one in behind for port in container_of(one)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


@pytest.mark.parametrize(("name", "setting"), [("retrain", "RETRAIN"), ("dashboard", "REPORT")])
def test_a_process_that_takes_too_much_memory_meets_its_own_limit_before_the_pods(name: str, setting: str) -> None:
    workload = BY_NAME["Deployment", name]
    most = container_of(workload)["resources"]["limits"]["memory"]
    assert most.endswith("Gi")
    assert int(environment(workload)[f"DRIFTLINE_{setting}_MEMORY_MB"]) + 500 <= int(most[:-2]) * 1024
