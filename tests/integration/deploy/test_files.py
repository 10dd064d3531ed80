"""deploy/ against what it is about: the tools' own schemas, and Daybook's settings, commands, routes and ports."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from ingest.cli.processes import ALIVE
from tests.docs import COMMANDS, ROOT
from workers.settings import PREFIX, Settings

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
RESOURCES = [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text("utf-8"))]
#: what Cal.com reaches, whichever way Daybook runs
PORT = Settings.model_fields["port"].default
OURS = ("migrate", "serve", "work")


def tool(*words: str | Path) -> None:
    """Run a tool of the virtual environment; what it says is the failure's text."""
    done = subprocess.run(
        [Path(sys.executable).parent / words[0], *words[1:]], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def of_kind(kind: str) -> list[Any]:
    return [one for one in RESOURCES if one["kind"] == kind]


def named(kind: str, name: str) -> Any:
    return next(one for one in of_kind(kind) if one["metadata"]["name"] == name)


def pods() -> Iterator[tuple[str, Any]]:
    """What of each Kubernetes workload describes its pod, by the workload's name."""
    for one in RESOURCES:
        if one["kind"] in ("Deployment", "Job", "StatefulSet"):
            yield one["metadata"]["name"], one["spec"]["template"]


def test_the_dockerfile_is_as_hadolint_wants_it() -> None:
    tool("hadolint", DEPLOY / "Dockerfile")


def test_compose_yaml_fits_the_schema_of_compose_files() -> None:
    tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_each_manifest_fits_kubernetes_own_schema(path: Path) -> None:
    tool("kubernetes-validate", "--strict", "--quiet", path)


def test_kustomization_lists_every_manifest() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text("utf-8"))

    assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]
    assert [image["name"] for image in kustomization["images"]] == ["daybook"]


@pytest.mark.parametrize("path", [path for path in DEPLOY.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_every_variable_that_a_file_names_is_a_setting(path: Path) -> None:
    known = {PREFIX + name.upper() + end for name in Settings.model_fields for end in ("", "_FILE")}

    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+", path.read_text("utf-8"))) <= known


def test_no_secret_stands_in_a_variable_itself() -> None:
    """A variable is seen by whoever may look at a process; a file only by who may read it."""
    told = {*COMPOSE["x-daybook"]["environment"], *named("ConfigMap", "daybook-settings")["data"]}

    assert {"DAYBOOK_DATABASE_URL_FILE", "DAYBOOK_SECRET_KEY_FILE", "DAYBOOK_ADMIN_KEY_FILE"} <= told
    assert told.isdisjoint({"DAYBOOK_DATABASE_URL", "DAYBOOK_SECRET_KEY", "DAYBOOK_ADMIN_KEY"})


def test_every_process_is_a_command_of_daybook() -> None:
    known = COMMANDS.read_text("utf-8")
    begun = [COMPOSE["services"][name]["command"] for name in OURS]
    begun += [template["spec"]["containers"][0]["args"] for _, template in pods()]
    begun.append(yaml.safe_load(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[-1]))

    assert len(begun) == 2 * len(OURS) + 1
    assert [words for words in begun if f"## daybook {' '.join(words)}\n" not in known] == []


def test_two_of_each_run_and_a_disruption_takes_one_at_a_time() -> None:
    assert [COMPOSE["services"][name]["deploy"]["replicas"] for name in ("serve", "work")] == [2, 2]
    assert named("StatefulSet", "daybook-serve")["spec"]["replicas"] == 2
    assert named("HorizontalPodAutoscaler", "daybook-work")["spec"]["minReplicas"] == 2
    for name, template in pods():
        if name != "daybook-migrate":
            budget = named("PodDisruptionBudget", name)["spec"]
            assert budget["selector"]["matchLabels"] == template["metadata"]["labels"]
            assert budget["maxUnavailable"] == 1


def test_services_and_selectors_find_the_pods_that_serve() -> None:
    stateful = named("StatefulSet", "daybook-serve")["spec"]
    labels = stateful["template"]["metadata"]["labels"]

    assert stateful["selector"]["matchLabels"] == labels
    assert [service["spec"]["selector"] for service in of_kind("Service")] == [labels, labels]
    assert stateful["serviceName"] in [service["metadata"]["name"] for service in of_kind("Service")]
    work = named("Deployment", "daybook-work")["spec"]
    assert work["selector"]["matchLabels"] == work["template"]["metadata"]["labels"] != labels


def test_the_port_is_the_settings_own_everywhere() -> None:
    (container,) = named("StatefulSet", "daybook-serve")["spec"]["template"]["spec"]["containers"]

    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    assert {port["targetPort"] for service in of_kind("Service") for port in service["spec"]["ports"]} == {"http"}
    assert f"EXPOSE {PORT}\n" in DOCKERFILE
    assert f"'DAYBOOK_PORT', '{PORT}'" in DOCKERFILE
    assert f"dynamic a serve {PORT}\n" in (DEPLOY / "Caddyfile").read_text("utf-8")


def test_probes_ask_for_what_the_web_process_and_the_worker_have() -> None:
    health = (ROOT / "ingest" / "health.py").read_text("utf-8")
    (serve,) = named("StatefulSet", "daybook-serve")["spec"]["template"]["spec"]["containers"]
    (work,) = named("Deployment", "daybook-work")["spec"]["template"]["spec"]["containers"]
    asked = {serve[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    looks = [work[f"{name}Probe"]["exec"]["command"][-1] for name in ("startup", "liveness")]
    looks.append(COMPOSE["services"]["work"]["healthcheck"]["test"][-1].replace("$$", "$"))

    assert asked == {"/health/live", "/health/ready"}
    assert all(f'"{path}"' in health for path in asked)
    assert serve["readinessProbe"]["httpGet"]["path"] in DOCKERFILE
    assert looks == [f'test -n "$(find /data/{ALIVE} -mmin -1)"'] * 3


def test_a_worker_has_longer_to_stop_than_it_takes() -> None:
    """The sweep 15 seconds, then 30 for events and 30 for runs; a web process 15 for what it is answering."""
    grace = {name: template["spec"].get("terminationGracePeriodSeconds", 30) for name, template in pods()}
    composed = {name: int(COMPOSE["services"][name]["stop_grace_period"].rstrip("s")) for name in ("serve", "work")}

    assert min(grace["daybook-work"], composed["work"]) > 15 + 30 + 30
    assert min(grace["daybook-serve"], composed["serve"]) > 5 + 15 + 10


def test_nothing_runs_as_root_or_writes_but_where_it_may() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert COMPOSE["x-daybook"]["read_only"] is True
    for _, template in pods():
        pod, (container,) = template["spec"], template["spec"]["containers"]
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["enableServiceLinks"] is False  # a Service named daybook would set DAYBOOK_PORT, to a URL
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {"data"} if "data" not in {volume["name"] for volume in pod["volumes"]} else set()
        assert mounted == {volume["name"] for volume in pod["volumes"]} | claimed


def test_what_web_processes_keep_on_disk_outlives_them() -> None:
    (claim,) = named("StatefulSet", "daybook-serve")["spec"]["volumeClaimTemplates"]
    size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 1024**3

    assert claim["metadata"]["name"] == "data"
    assert size > Settings.model_fields["spool_bytes"].default
    assert "data:/data" in COMPOSE["services"]["serve"]["volumes"]


def test_workers_grow_with_the_age_of_the_queue() -> None:
    scaler = named("HorizontalPodAutoscaler", "daybook-work")["spec"]
    (metric,) = scaler["metrics"]

    assert scaler["scaleTargetRef"]["name"] == "daybook-work"
    assert metric["external"]["metric"]["name"] == "daybook_queue_age_seconds"


def test_the_image_has_a_python_that_daybook_runs_on_and_pinned_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bases = re.findall(r"^FROM python:([0-9.]+)-slim-\w+", DOCKERFILE, re.MULTILINE)

    assert len(bases) == 2
    assert all(base in SpecifierSet(project["requires-python"]) for base in bases)
    assert all(f"Programming Language :: Python :: {base}" in project["classifiers"] for base in bases)
    assert "--require-hashes --requirement requirements.txt" in DOCKERFILE
    extras = re.findall(r"'\.\[([a-z,]+)\]'", DOCKERFILE)[0].split(",")
    assert set(extras) == set(project["optional-dependencies"]) - {"dev"}


def test_the_image_is_made_of_what_the_wheel_needs_and_nothing_else() -> None:
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}

    assert "*" in ignore
    assert let_in == copied
    assert all((ROOT / name).exists() for name in let_in)
