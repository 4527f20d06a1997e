"""Every refusal the program can make, as one tree.

Each door maps the classes to its own codes: problem details (RFC 9457) over the
API, plain words on a page, one line and a non-zero exit on the command line.
"""

from schemas.words import Words


class SuishoupaiError(Exception):
    """Something was refused, with a stable code and a sentence that says what to do.

    `code` is stable and becomes the problem `type`; `field` names the input at
    fault; `facts` are extra members for programs and never hold personal data.
    """

    def __init__(
        self, code: str, words: Words, *, field: str | None = None, **facts: object
    ) -> None:
        super().__init__(f"{code}: {words.en}")
        self.code = code
        self.words = words
        self.field = field
        self.facts = facts


class InvalidInput(SuishoupaiError):
    """The input can't be right; repeating it unchanged won't help."""


class PhotoRefused(InvalidInput):
    """One photo can't be taken; the others of the same tip may still be good."""


class TooLarge(SuishoupaiError):
    """More bytes, photos or pixels than the rules allow."""


class NotSignedIn(SuishoupaiError):
    """Who is asking is unknown, or their token or session has ended."""


class NotAllowed(SuishoupaiError):
    """Who is asking is known and may not do this."""


class NotFound(SuishoupaiError):
    """It does not exist, or it is not for the eyes of who is asking."""


class Conflict(SuishoupaiError):
    """It changed meanwhile, or the same key was used for something else."""


class TooMany(SuishoupaiError):
    """Too often in too short a time; `retry_after_s` in `facts` says when to come back."""


class Unavailable(SuishoupaiError):
    """A part of the product is away for now; the same request may be repeated."""


class ConfigurationError(SuishoupaiError):
    """A setting is missing or wrong; the sentence says which and what to set."""
