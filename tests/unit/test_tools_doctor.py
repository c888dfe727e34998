"""`make doctor` names what is wrong and what to do about it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from tools import doctor, shell
from tools.finding import Finding
from tools.versions import ROOT


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_a_missing_data_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "gone"))
    finding = only(list(doctor.data()))
    assert "gone is no folder" in finding.said
    assert "MLOPS_DATA_DIR" in finding.fix


def test_a_broken_certificate_bundle_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    finding = only(list(doctor.certificates()))
    assert finding.name == "SSL_CERT_FILE"
    assert "make -s env" in finding.fix


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_GIGABYTES", 10**9)
    assert all("make room" in finding.fix for finding in doctor.disk())


def test_a_stale_lock_and_a_cut_off_state_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shell, "STATE", tmp_path)
    assert list(doctor.locks()) == []
    state = tmp_path / ".pulumi" / "stacks" / "mlops" / "local.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": [{}]}}}))
    assert "make recover STACK=local" in only(list(doctor.locks())).fix
    lock = tmp_path / ".pulumi" / "locks" / "organization" / "mlops" / "local" / "a.json"
    lock.parent.mkdir(parents=True)
    content = {"pid": max(psutil.pids()) + 1000, "hostname": socket.gethostname(), "timestamp": str(datetime.now(UTC))}
    lock.write_text(json.dumps(content))
    finding = only(list(doctor.locks()))
    assert finding.name == "lock on local"
    assert "which is gone" in finding.said
    assert "make recover STACK=local" in finding.fix


def test_a_lock_in_a_folder_of_a_persons_own_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shell, "STATE", tmp_path / "ours")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    lock = tmp_path / ".pulumi" / "locks" / "organization" / "mlops" / "dev" / "a.json"
    lock.parent.mkdir(parents=True)
    content = {"pid": max(psutil.pids()) + 1000, "hostname": socket.gethostname(), "timestamp": str(datetime.now(UTC))}
    lock.write_text(json.dumps(content))
    finding = only(list(doctor.locks()))
    assert (finding.name, finding.fix) == ("lock on dev", "`make recover STACK=dev` removes it")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://state")
    assert list(doctor.locks()) == []


def test_a_host_whose_cli_is_gone_is_named() -> None:
    words = [sys.executable, "-c", "input()", str(ROOT), "ml.resources.host"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        left = [finding for finding in doctor.orphans() if finding.fix == f"kill {process.pid}"]
        process.communicate()
    assert [finding.name for finding in left] == ["left over"]
