"""deploy/ as it is written: the image holds what the app needs, and the manifests agree with it and with each other."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import kubernetes_validate
import pytest

from cnnviz.hosting import Hosting, variable
from tests.deploy_guests import Guest, upload
from tests.deploy_manifests import COMPOSE, CONTAINER, DEPLOY, INSTRUCTIONS, MANIFESTS, POD, manifest, said
from tests.deploy_servers import ROOT, Listener, environment, open_folder

# --- the image ------------------------------------------------------------------------------------------


def copies() -> list[tuple[str, str]]:
    """What the image gets from the project: from where, to where."""
    words = [rest.split() for rest in said("COPY") if not rest.startswith("--from")]
    return [(source, to) for *sources, to in words for source in sources]


def ignored() -> tuple[list[str], list[str]]:
    """What is let through to the builder, and what of it is not."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return [rule[1:] for rule in rules if rule[0] == "!"], [rule for rule in rules[1:] if rule[0] != "!"]


def test_all_that_is_copied_exists_and_reaches_the_builder() -> None:
    assert {source for source, _ in copies()} == {"app.py", ".streamlit", "assets", "pages", "cnnviz"}
    sources = [
        word for name, rest in INSTRUCTIONS if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]
    ]
    allowed, _ = ignored()
    assert sorted(sources) == sorted(allowed)
    for source in sources:
        assert (ROOT / source).exists(), source


def test_the_base_is_pinned_and_the_user_is_a_number_that_is_not_root() -> None:
    bases = [rest.split()[0] for name, rest in INSTRUCTIONS if name == "FROM"]
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    assert len(set(bases)) == 1, "or the environment that is copied would not fit"
    (user,) = said("USER")
    assert re.fullmatch(r"([1-9]\d+):\1", user)


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The folder of the app as it is in the image: what is copied, and nothing else."""
    _, left_out = ignored()
    with open_folder() as folder:
        app = folder / "app"
        app.mkdir()
        for source, to in copies():
            if (ROOT / source).is_dir():
                skipped = shutil.ignore_patterns(
                    *(rule.rsplit("/", 1)[1] for rule in left_out if rule.startswith("**/"))
                )
                shutil.copytree(ROOT / source, app / to, ignore=skipped)
            else:
                shutil.copy(ROOT / source, app / to)
        for path in app.rglob("*"):
            if any(fnmatch.fnmatch(str(path.relative_to(app)), rule) for rule in left_out):
                path.unlink()
        yield folder


def test_nothing_else_is_in_the_image(image: Path) -> None:
    names = {path.relative_to(image / "app").as_posix() for path in (image / "app").rglob("*") if path.is_file()}
    assert "cnnviz/__main__.py" in names
    assert not [
        name for name in names if re.search(r"^(tests|bench|docs|deploy)/|secrets|\.pyc$|^assets/.*\.py$", name)
    ]


# Runs a command as a user without rights, where nothing can be written but the folder that is named first.
READ_ONLY = """mount -t tmpfs -o size={size} none "$0" && mount -o remount,bind,ro / &&
exec unshare --user --map-user=10001 --map-group=10001 -- "$@" """


def shut_in(writable: Path, size: str = "256m") -> list[str]:
    """What to put before a command, so that it runs as in the image; nothing where this machine cannot do that."""
    prefix = ["unshare", "--mount", "--propagation=private", "sh", "-c", READ_ONLY.format(size=size), str(writable)]
    with contextlib.suppress(OSError):
        if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    assert os.geteuid() != 0, "root can, in a container that may mount"
    return []


@contextlib.contextmanager
def serving(image: Path, home: Path, size: str) -> Iterator[Listener]:
    """The image's own command, where only a folder of this size can be written to."""
    home.mkdir()
    (text,) = said("CMD")
    command = json.loads(text)
    assert command[0] == "python"
    assert command[-2:] == ["--port", "8501"]
    variables = dict(word.split("=", 1) for rest in said("ENV") for word in rest.split())
    assert variables.pop("HOME") == "/tmp"
    del variables["PATH"]
    server = Listener(image, home.name)
    server.run(
        [*shut_in(home, size), sys.executable, *command[1:-1], str(server.port)], cwd=image / "app",
        env=environment(**variables, HOME=str(home), TMPDIR=str(home)),
    )  # fmt: skip
    try:
        server.wait()
        yield server
    finally:
        server.end(signal.SIGKILL)


def test_what_is_copied_runs_for_a_user_who_can_write_to_one_folder_only(image: Path) -> None:
    before = sorted((image / "app").rglob("*"))
    with serving(image, image / "home", "256m") as server:
        assert "http://0.0.0.0:" in server.said(), "it listens to others, not to itself only"

        async def visit() -> None:
            guest = Guest(server.address)
            run = await guest.open({"kernel": "sharpen"})
            assert run.header["address"]["kernel"] == "sharpen"
            assert (await asyncio.to_thread(upload, server.port, guest.session, bytes(5 << 20)))[0] == 204
            await guest.close()

        asyncio.run(visit())
        assert sorted((image / "app").rglob("*")) == before
        assert "Traceback" not in server.said()


def test_a_disk_that_is_full_costs_nobody_an_upload(image: Path) -> None:
    if not shut_in(image):
        pytest.skip("this machine may not mount a disk to fill")
    with serving(image, image / "full", "64k") as server:

        async def visit() -> None:
            async with Guest(server.address) as guest:
                await guest.open({"kernel": "sharpen"})
                for _ in range(3):
                    assert (await asyncio.to_thread(upload, server.port, guest.session, bytes(5 << 20)))[0] == 204
                await guest.tweak("kernel", "identity")

        asyncio.run(visit())
        assert "Traceback" not in server.said()


# --- compose --------------------------------------------------------------------------------------------


def test_nginx_knows_the_replicas_of_compose() -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    (port,) = said("EXPOSE")
    replicas = {f"{name}:{port}" for name in COMPOSE["services"] if name != "nginx"}
    assert set(re.findall(r"\breplica-\w+:\d+", text)) == replicas
    assert len(replicas) == 2
    assert re.search(r"listen (\d+) ", text)[1] == COMPOSE["services"]["nginx"]["ports"][0].split(":")[-1]


def test_services_of_compose_can_do_little() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert service["tmpfs"][0].startswith("/tmp:size=")
        assert {"cpus", "mem_limit", "pids_limit"} <= service.keys()
        assert "privileged" not in service
        if name != "nginx":
            assert "ports" not in service, "nobody reaches it but through nginx"
            assert service["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    nginx = COMPOSE["services"]["nginx"]
    assert nginx["user"].split(":")[0] != "0"
    (mount,) = nginx["volumes"]
    source, _, mode = mount.split(":")
    assert (DEPLOY / source).exists()
    assert mode == "ro"
    assert COMPOSE["x-replica"]["build"] == {"context": "..", "dockerfile": "deploy/Dockerfile"}


# --- Kubernetes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_manifests_follow_their_schemas(version: str) -> None:
    for one in MANIFESTS:
        kubernetes_validate.validate(one, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest("Service") | {"spec": {"port": 1}}, version, strict=True)


def test_whatever_selects_pods_selects_ours() -> None:
    labels = POD["metadata"]["labels"]
    selectors = [
        manifest("Deployment")["spec"]["selector"]["matchLabels"],
        manifest("Service")["spec"]["selector"],
        manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in POD["spec"]["topologySpreadConstraints"]),
    ]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)
    target = manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", manifest("Deployment")["metadata"]["name"])


def test_ports_are_called_the_same_everywhere() -> None:
    (port,) = CONTAINER["ports"]
    assert str(port["containerPort"]) == said("EXPOSE")[0]
    (served,) = manifest("Service")["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[name]["httpGet"]["port"] == port["name"]
    (rule,) = manifest("NetworkPolicy")["spec"]["ingress"]
    assert [allowed["port"] for allowed in rule["ports"]] == [port["name"]]
    for path in manifest("Ingress")["spec"]["rules"][0]["http"]["paths"]:
        backend = path["backend"]["service"]
        service = manifest("Service", backend["name"])
        assert backend["port"]["name"] in {one["name"] for one in service["spec"]["ports"]}


def test_pods_can_do_little() -> None:
    assert manifest("NetworkPolicy")["spec"]["egress"] == []
    assert "Egress" in manifest("NetworkPolicy")["spec"]["policyTypes"]
    spec, own = POD["spec"], CONTAINER["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" == said("USER")[0]
    assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "or the service of our name becomes settings of the app"
    assert [mount["mountPath"] for mount in CONTAINER["volumeMounts"]] == ["/tmp"]
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}


def test_metrics_go_to_a_service_without_pods() -> None:
    paths = {
        path["path"]: path["backend"]["service"]["name"]
        for path in manifest("Ingress")["spec"]["rules"][0]["http"]["paths"]
    }
    assert paths == {"/": "cnnviz", "/metrics": "cnnviz-nobody", "/_stcore/metrics": "cnnviz-nobody"}
    assert "selector" not in manifest("Service", "cnnviz-nobody")["spec"]


# --- what the app knows ---------------------------------------------------------------------------------


def test_settings_are_those_of_the_app() -> None:
    unit = (DEPLOY / "cnnviz.service").read_text(encoding="utf-8")
    names = {one["name"] for one in CONTAINER["env"]} | set(COMPOSE["x-replica"]["environment"])
    names |= set(re.findall(r"\b(CNNVIZ_\w+)=", unit))
    assert {"CNNVIZ_SESSIONS", "CNNVIZ_TRAININGS"} <= names
    assert names <= {variable(field.name) for field in fields(Hosting)}


# --- one machine ----------------------------------------------------------------------------------------


def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    text = (DEPLOY / "cnnviz.service").read_text(encoding="utf-8")
    python = "/opt/cnnviz/.venv/bin/python"
    assert f"ExecStart={python} -m cnnviz --host 127.0.0.1 --port 8501" in text
    unit = tmp_path / "cnnviz.service"
    unit.write_text(text.replace(python, sys.executable), encoding="utf-8")
    answer = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
    unit.write_text(text.replace(python, sys.executable).replace("DynamicUser=", "DynamicUzer="), encoding="utf-8")
    answer = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True)
    assert "DynamicUzer" in answer.stderr, "it looks at what is written"
