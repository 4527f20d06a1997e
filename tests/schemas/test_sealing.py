"""Personal data is sealed; new keys come in front and old ones still open."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from schemas.errors import ConfigurationError
from schemas.sealing import Sealer, new_token, token_hash
from schemas.settings import load_settings


def sealer(tmp_path: Path, *keys: str) -> Sealer:
    return Sealer(load_settings({}, data_dir=tmp_path, secret_keys=",".join(keys)))


def test_what_was_sealed_is_opened_and_unreadable_meanwhile(tmp_path: Path) -> None:
    one = sealer(tmp_path, Fernet.generate_key().decode())
    sealed = one.seal({"name": "王小明", "phone": "13800138000"})
    assert "王小明".encode() not in sealed
    assert b"13800138000" not in sealed
    assert one.open(sealed) == {"name": "王小明", "phone": "13800138000"}


def test_a_new_key_in_front_opens_old_seals_and_finds_old_digests(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before, after = sealer(tmp_path, old), sealer(tmp_path, new, old)
    assert after.open(before.seal("x")) == "x"
    assert after.digests("phone", "13800138000")[1] == before.digest("phone", "13800138000")
    assert after.digest("phone", "1") != after.digest("token", "1")
    with pytest.raises(ConfigurationError, match="secret-keys-wrong"):
        before.open(after.seal("x"))


def test_what_is_sealed_anew_needs_the_old_key_no_longer(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before, both, after = (sealer(tmp_path, *keys) for keys in ([old], [new, old], [new]))
    sealed = before.seal({"name": "王小明"})
    assert (both.key_of(sealed), both.key_of(both.reseal(sealed))) == (1, 0)
    assert after.open(both.reseal(sealed)) == {"name": "王小明"}
    assert after.digest("phone", "1") == both.digest("phone", "1")
    with pytest.raises(ConfigurationError, match="secret-keys-wrong"):
        after.reseal(sealed)


def test_tokens_differ_and_only_their_hash_is_kept() -> None:
    one, other = new_token("rider"), new_token("rider")
    assert one != other
    assert one.startswith("rider_")
    assert len(token_hash(one)) == 64
    assert one not in token_hash(one)
