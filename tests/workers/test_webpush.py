"""Push messages against the example of RFC 8291 and the key of RFC 8292."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from schemas.vapid import (
    authorization,
    from_base64url,
    new_private_key,
    public_key_of,
    read_private_key,
    to_base64url,
)
from workers.webpush import encrypt


def test_the_example_of_rfc_8291_comes_out_byte_for_byte() -> None:
    sender = read_private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        p256dh=from_base64url(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            length=65,
        ),
        auth=from_base64url("BTBZMqHH6r4Tts7J_aSIgg", length=16),
        salt=from_base64url("DGv6ra1nlYgDCS1FRnbzlw", length=16),
        sender=sender,
    )
    assert to_base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWA"
        "mS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxs"
        "j_Qulcy4a-fN"
    )


def test_two_messages_never_look_alike() -> None:
    browser = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    point = from_base64url(public_key_of(to_base64url(browser.to_bytes(32, "big"))), length=65)
    bodies = {encrypt(b"news", p256dh=point, auth=b"a" * 16) for _ in range(2)}
    assert len(bodies) == 2


def test_the_header_names_the_push_service_and_is_signed_with_the_operators_key() -> None:
    key, now = new_private_key(), datetime(2026, 11, 22, tzinfo=UTC)
    header = authorization(
        "https://push.example:8443/abc?d", private_key=key, subject="mailto:a@example.cn", now=now
    )
    scheme, token, public = header.replace(",", "").split()
    assert scheme == "vapid"
    assert public == f"k={public_key_of(key)}"
    point = from_base64url(public_key_of(key), length=65)
    jwk = ECKey.import_key(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": to_base64url(point[1:33]),
            "y": to_base64url(point[33:]),
        }
    )
    claims = jwt.decode(token.removeprefix("t="), jwk, algorithms=["ES256"]).claims
    assert claims["aud"] == "https://push.example:8443"
    assert claims["sub"] == "mailto:a@example.cn"
    # RFC 8292 section 2 allows 24 hours at most.
    assert 0 < claims["exp"] - now.timestamp() <= 86_400


@pytest.mark.parametrize(
    "text", ["", "abc", "!" * 43, to_base64url(bytes(32)), base64.b64encode(b"\xff" * 32).decode()]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_private_key(text)
