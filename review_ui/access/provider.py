"""Signing in at the office's OpenID provider, as an option (OpenID Connect Core 1.0).

Authorization code flow with PKCE (RFC 7636), state and nonce, all by Authlib. Who
comes back is matched to staff that exist: the provider's verified e-mail address or
its `preferred_username` is the sign-in. Nobody is added by this.
"""

from collections.abc import Mapping
from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask
from joserfc.errors import JoseError
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from review_ui.access.staff import normal_sign_in
from schemas.errors import NotAllowed, Unavailable
from schemas.settings import Settings
from schemas.tables import Staff
from schemas.words import Words

log = structlog.get_logger()
WAIT_S = 10


class Provider:
    """The office's OpenID provider, asked for its addresses and keys at the first sign-in."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._client = OAuth(app).register(
            "office",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret,
            server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "default_timeout": WAIT_S,
            },
        )

    def send_there(self, back: str) -> Response:
        """Return the redirect to the provider, which sends the browser to `back` afterwards.

        Raises Unavailable `provider-away`.
        """
        try:
            answer: Response = self._client.authorize_redirect(back)
        except (requests.RequestException, AuthlibBaseError, ValueError, KeyError) as error:
            raise _away(error) from None
        return answer

    def claims_of_request(self) -> Mapping[str, Any]:
        """Return what the provider says of who comes back with the present request.

        Raises NotAllowed `provider-refused` when anything does not fit: state, code,
        verifier, nonce, signature, issuer, audience or time; Unavailable `provider-away`.
        """
        expected = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        try:
            answer = self._client.authorize_access_token(claims_options=expected)
        except (AuthlibBaseError, JoseError) as error:
            log.info("provider_refused", reason=type(error).__name__)
            raise refused() from None
        except (requests.RequestException, ValueError, KeyError) as error:
            raise _away(error) from None
        claims: Mapping[str, Any] | None = answer.get("userinfo")
        if not claims:
            raise refused()
        return claims


def staff_of_claims(session: Session, claims: Mapping[str, Any]) -> Staff:
    """Return the staff member of a provider's claims.

    Raises NotAllowed `provider-unknown-person` when they name nobody, or two people.
    """
    names = set()
    # An address that the provider did not verify could be anybody's.
    if claims.get("email_verified") is True and claims.get("email"):
        names.add(normal_sign_in(str(claims["email"])))
    if claims.get("preferred_username"):
        names.add(normal_sign_in(str(claims["preferred_username"])))
    found = session.scalars(select(Staff).where(Staff.sign_in.in_(names))).all()
    if len(found) != 1:
        raise NotAllowed(
            "provider-unknown-person",
            Words(
                "统一登录成功，但这里没有与您对应的人员帐号，请本单位管理员添加。",
                "Single sign-on worked, but no account here is yours: ask your unit's "
                "administrator to add one.",
            ),
        )
    return found[0]


def refused() -> NotAllowed:
    """Return the refusal of somebody whom the provider did not send, or not just now."""
    return NotAllowed(
        "provider-refused",
        Words(
            "统一登录没有成功，请重新登录。如反复出现，请联系管理员。",
            "Single sign-on did not succeed: sign in again. If it keeps failing, tell your "
            "administrator.",
        ),
    )


def _away(error: Exception) -> Unavailable:
    log.warning("provider_away", reason=type(error).__name__)
    return Unavailable(
        "provider-away",
        Words(
            "统一登录服务暂时不可用，请稍后再试，或用本系统的密码登录。",
            "The single sign-on service is away: try again shortly, or sign in with your "
            "password here.",
        ),
    )
