"""What is written in deploy/: the Dockerfile, compose.yaml and the manifests for Kubernetes, read."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.deploy_servers import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()
    if line and not line.startswith("#")
]
LAST_STAGE = INSTRUCTIONS[max(i for i, (word, *_) in enumerate(INSTRUCTIONS) if word == "FROM") :]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS = [
    one
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


def said(word: str) -> list[str]:
    """What the last stage of the Dockerfile says under a word."""
    return [rest for name, rest in LAST_STAGE if name == word]


def manifest(kind: str, name: str = "cnnviz") -> Any:
    (found,) = [one for one in MANIFESTS if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


POD = manifest("Deployment")["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def probes() -> set[str]:
    """The paths that are asked to learn whether the app is well."""
    kubernetes = {CONTAINER[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    others = re.findall(r"127\.0\.0\.1:\d+(/[\w/]+)", DOCKERFILE + str(COMPOSE["services"]["nginx"]["healthcheck"]))
    assert len(others) == 2, "the image's and nginx's"
    return kubernetes | set(others)
