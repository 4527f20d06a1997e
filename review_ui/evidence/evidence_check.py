"""Checks an evidence package as a stranger would, and names whatever does not fit."""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.errors import InvalidInput
from schemas.tables import AuditEntry, Case
from schemas.words import Words

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
PIECE_BYTES = 256 * 1024
MOST_SMALL_BYTES = 64 * 1024 * 1024

FAULTS: dict[str, Words] = {
    "missing": Words("缺少文件", "is missing"),
    "altered": Words("内容被改动", "was altered"),
    "unlisted": Words("不在清单中", "stands in no list"),
    "manifest-differs": Words("与 manifest.json 不一致", "differs from manifest.json"),
    "audit-altered": Words("审计记录与哈希不符", "an audit entry does not fit its hash"),
    "history-altered": Words("经过与审计记录不符", "the history does not fit the audit entries"),
    "not-in-log": Words("本系统没有导出过这份清单", "this manifest was never given out here"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not fit: a code of FAULTS and the file it is about."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found; the package is whole when there is no fault."""

    number: str
    files: int
    manifest_sha256: str
    faults: tuple[Fault, ...]


def check_package(path: Path) -> Checked:
    """Check every file of a package against SHA256SUMS, the manifest and its audit entries.

    Raises InvalidInput `package-unreadable` for what is no package of ours.
    """
    try:
        with zipfile.ZipFile(path) as package:
            return _check(package)
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(
            "package-unreadable",
            Words("这不是完整的证据包，打不开。", "This is no whole evidence package."),
            field="FILE",
        ) from error


def check_log(session: Session, *, checked: Checked) -> Fault | None:
    """Return a fault unless the audit log says that this manifest was given out."""
    taken = session.scalars(
        select(AuditEntry)
        .join(Case, Case.id == AuditEntry.subject_id)
        .where(AuditEntry.action == "evidence_taken", Case.number == checked.number)
    )
    known = {entry.after.get("manifest_sha256") for entry in taken}
    return None if checked.manifest_sha256 in known else Fault("not-in-log", "manifest.json")


def _check(package: zipfile.ZipFile) -> Checked:
    infos = {info.filename: info for info in package.infolist() if not info.is_dir()}
    roots = {name.partition("/")[0] for name in infos}
    if len(roots) != 1 or len(infos) != len(package.infolist()):
        raise ValueError("one directory, each name once")
    (root,) = roots
    sums = _sums(package, infos[f"{root}/SHA256SUMS"])
    digests = {name: _digest(package, infos.get(f"{root}/{name}")) for name in sums}
    faults = [
        Fault("missing" if digest is None else "altered", name)
        for name, digest in digests.items()
        if digest != sums[name]
    ]
    listed = {f"{root}/{name}" for name in (*sums, "SHA256SUMS")}
    faults += [Fault("unlisted", name.partition("/")[2]) for name in infos if name not in listed]
    manifest: dict[str, Any] = {}
    if not faults:
        manifest = json.loads(_small(package, infos[f"{root}/manifest.json"]))
        faults += _manifest_faults(manifest, sums)
    return Checked(root, len(sums), digests.get("manifest.json") or "", tuple(faults))


def _sums(package: zipfile.ZipFile, info: zipfile.ZipInfo) -> dict[str, str]:
    found = [_LINE.fullmatch(line) for line in _small(package, info).decode().splitlines()]
    if not all(found):
        raise ValueError("SHA256SUMS")
    return {match[2]: match[1] for match in found if match}


def _small(package: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MOST_SMALL_BYTES:
        raise ValueError(info.filename)
    return package.read(info)


def _digest(package: zipfile.ZipFile, info: zipfile.ZipInfo | None) -> str | None:
    """Return a file's SHA-256; None where it is not there."""
    if info is None:
        return None
    digest = hashlib.sha256()
    try:
        with package.open(info) as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
    except zipfile.BadZipFile:
        # The ZIP's own checksum told first.
        return ""
    return digest.hexdigest()


def _manifest_faults(manifest: Mapping[str, Any], sums: Mapping[str, str]) -> Iterator[Fault]:
    told = {photo["file"]: photo["sha256"] for photo in manifest["photos"]}
    listed = {name: digest for name, digest in sums.items() if name.startswith("photos/")}
    for name in sorted(told.keys() | listed.keys()):
        if told.get(name) != listed.get(name):
            yield Fault("manifest-differs", name)
    yield from _history_faults(manifest)
    links = {}
    for entry in manifest["audit"]:
        if entry["sequence"] is None:
            continue
        links[entry["sequence"]] = entry
        content = entry["content"]
        if content and audit.link_hash(entry["previous_hash"], content) != entry["entry_hash"]:
            yield Fault("audit-altered", "manifest.json")
    for sequence, entry in links.items():
        before = links.get(sequence - 1)
        if before and before["entry_hash"] != entry["previous_hash"]:
            yield Fault("audit-altered", "manifest.json")


def _history_faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Hold every step and act to the audit entry of its version that can be proven."""
    proven: dict[int, dict[str, Any]] = {}
    for entry in manifest["audit"]:
        if entry["content"] and entry["action"] in ("case_advanced", "case_acted"):
            after = json.loads(entry["content"])["after"]
            proven[after["version"]] = after
    told = [(row["version"], "state", row["to"]) for row in manifest["history"]]
    # Packages from before the acts were listed hold none.
    told += [(row["version"], "act", row["act"]) for row in manifest.get("acts", ())]
    for version, kind, code in told:
        if version in proven and proven[version].get(kind) != code:
            yield Fault("history-altered", "manifest.json")
    if "acts" in manifest and proven.keys() - {version for version, *_ in told}:
        yield Fault("history-altered", "manifest.json")
