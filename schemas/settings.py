"""Every setting of the product, typed, from the environment, validated at start.

The object is made once by an entry point (a server, the worker, a command, a
test) and passed down; nothing reads the environment behind its back.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.errors import ConfigurationError
from schemas.vapid import read_private_key
from schemas.words import Words


class Settings(BaseSettings):
    """Everything an operator can set; the field's name in capitals is the variable's name."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    intake_port: int = Field(8000, ge=1, le=65535, description="port of the rider's door")
    review_port: int = Field(8001, ge=1, le=65535, description="port of the inspectors' room")
    data_dir: Path = Field(
        Path("var"), description="directory of the embedded database, queue, photos and keys"
    )
    database_url: str = Field(
        "", description="empty: SQLite under DATA_DIR; else postgresql+psycopg://… or sqlite:///…"
    )
    redis_url: str = Field(
        "", description="empty: a Valkey server started under DATA_DIR; else redis://…"
    )
    photo_store: str = Field(
        "", description="empty: DATA_DIR/photos; else a directory or s3://bucket/prefix"
    )
    secret_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Fernet keys, comma-separated, newest first; made under DATA_DIR if empty"
    )
    demo: bool = Field(default=True, description="0: `up` starts empty, without demo data")
    anonymous_tips: bool = Field(default=True, description="accept tips without a rider's token")
    worker_count: int = Field(1, ge=1, le=64, description="worker processes that `up` starts")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: readable in a terminal, JSON otherwise"
    )
    rider_tips_per_hour: int = Field(60, ge=1, description="limit per rider's token")
    device_tips_per_hour: int = Field(
        120, ge=1, description="limit per browser, whoever is signed in there"
    )
    address_tips_per_hour: int = Field(600, ge=1, description="limit per network address")
    public_url: str = Field(
        "", description="address of the rider's door on QR codes, e.g. https://tips.example"
    )
    phone_registration: bool = Field(
        default=False, description="1: who has a phone and its one-time code may register by that"
    )
    sms_gateway_url: str = Field(
        "",
        description="where one-time codes are posted (JSON, signed) to be sent as SMS; "
        "empty: `riders codes` shows them to the operator",
    )
    sms_gateway_secret: str = Field("", description="key of the signature for SMS_GATEWAY_URL")
    address_codes_per_hour: int = Field(
        300, ge=1, description="limit of one-time codes per network address"
    )
    upload_dir: str = Field(
        "", description="empty: DATA_DIR/uploads; doors on several machines share one directory"
    )
    upload_hours: int = Field(
        24, ge=1, le=720, description="hours after which an upload that stands still expires"
    )
    rider_open_uploads: int = Field(60, ge=1, description="uploads a rider may have open at once")
    address_open_uploads: int = Field(
        600, ge=1, description="uploads a network address may have open at once"
    )
    rider_open_upload_mb: int = Field(
        400, ge=25, description="MB that a rider's open uploads may have together"
    )
    address_open_upload_mb: int = Field(
        4000, ge=25, description="MB that the open uploads of a network address may have together"
    )
    statutory_rewards: bool = Field(
        default=False, description="1: riders may apply for statutory rewards once a case is closed"
    )
    photo_index_mb: int = Field(
        512,
        ge=0,
        description="MB of search lists that each worker keeps in memory at most; 0: none",
    )
    match_picture_bits: int = Field(
        31, ge=0, le=31, description="of 256 bits so many may differ in hashes of one picture"
    )
    match_place_m: float = Field(
        5000, ge=0, description="metres between two tips of one picture that may be linked"
    )
    match_premises_m: float = Field(
        300, ge=0, description="metres within which tips that name one shop are about one shop"
    )
    match_incident_m: float = Field(
        60, ge=0, description="metres within which tips of one category may be one incident"
    )
    match_days: int = Field(
        14, ge=0, le=365, description="days within which tips may be one incident"
    )
    match_copy_spots: int = Field(
        8,
        ge=8,
        le=800,
        description="distinct spots that align in an altered copy",
    )
    match_copy_percent: int = Field(
        97, ge=1, le=100, description="percent alike where it aligns: an altered copy"
    )
    match_scene_spots: int = Field(
        14, ge=8, le=800, description="distinct spots that align in another shot of a scene"
    )
    match_scene_percent: int = Field(
        60,
        ge=1,
        le=100,
        description="percent alike where it aligns: another shot of a scene",
    )
    match_scene_reach_percent: int = Field(
        5,
        ge=0,
        le=100,
        description="percent of what both show over which its spots spread: more than a logo",
    )
    match_parts: int = Field(
        20,
        ge=0,
        le=60,
        description="photos among all that share regions with one, compared closely; 0: none",
    )
    match_detail_percent: int = Field(
        50,
        ge=1,
        le=100,
        description="percent alike under which a place's detail differs in pictures of one hash",
    )
    photo_memory_mb: int = Field(
        1024, ge=128, description="memory one photo's examination may take beyond the worker's own"
    )
    photo_cpu_s: int = Field(30, ge=1, description="processor seconds one photo may take")
    tile_url: str = Field(
        "", description="map tiles, e.g. https://tiles.example/{z}/{x}/{y}.png; empty: none"
    )
    behind_tls: bool = Field(default=False, description="1: cookies are Secure and HSTS is sent")
    trusted_proxies: int = Field(0, ge=0, le=5, description="reverse proxies whose headers count")
    require_second_factor: bool = Field(
        default=False, description="1: staff set up an authenticator app at their next sign-in"
    )
    session_idle_minutes: int = Field(
        120, ge=5, le=10_080, description="a staff session ends after so long without a page"
    )
    oidc_issuer: str = Field(
        "", description="OpenID provider of the staff, e.g. https://login.example; empty: none"
    )
    oidc_client_id: str = Field("", description="this product's client id at OIDC_ISSUER")
    oidc_client_secret: str = Field("", description="this product's client secret at OIDC_ISSUER")
    vapid_private_key: str = Field(
        "", description="key for Web Push, as `keys vapid` makes one; empty: no Web Push"
    )
    vapid_subject: str = Field(
        "", description="whom a push service may write to: mailto:… or https://…"
    )
    push_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (
            "fcm.googleapis.com",
            "updates.push.services.mozilla.com",
            "*.push.apple.com",
            "*.notify.windows.com",
        ),
        description="push services that messages may be sent to, comma-separated; *. for any below",
    )
    webhook_url: str = Field(
        "", description="messenger gateway that is told of notices (JSON, signed); empty: none"
    )
    webhook_secret: str = Field(
        "", description="key of the webhook's signature: whsec_ and 24 to 64 bytes in base64"
    )
    workdays_file: Path | None = Field(None, description="operator's calendar (JSON) that wins")
    retention_years: int = Field(
        5, ge=1, le=100, description="years after which `retention run` erases riders' sealed data"
    )
    retention_nightly: Literal["erase", "count", "off"] = Field(
        "erase", description="what the clock does each night with data older than RETENTION_YEARS"
    )
    points_automatic_days: int = Field(
        0, ge=0, le=365, description="days after which points are approved unseen; 0: never"
    )
    bulletin_small_cell: int = Field(
        5, ge=3, le=50, description="a public bulletin shows no figure from 1 up to this one less 1"
    )
    smtp_url: str = Field(
        "",
        description="mail server for bulletins: smtps://user:password@host or smtp+starttls://…; "
        "empty: no mail",
    )
    mail_from: str = Field("", description="sender of mails, e.g. bulletin@example.cn")
    bulletin_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="hosts of programs that bulletins may be posted to, comma-separated"
    )
    bulletin_secret: str = Field(
        "", description="key of the signature for BULLETIN_HOSTS, like WEBHOOK_SECRET"
    )
    open_data: bool = Field(
        default=False,
        description="1: published bulletins, without small figures, are open to everybody",
    )
    open_data_licence: str = Field(
        "",
        max_length=300,
        description="under what the open data may be used, e.g. CC BY 4.0; needed for OPEN_DATA",
    )
    metrics_token: str = Field("", description="bearer token that opens /metrics from elsewhere")
    s3_endpoint: str = Field("", description="S3 server other than AWS")
    s3_region: str = Field("us-east-1", description="S3 region")

    @field_validator("secret_keys", "push_hosts", "bulletin_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("secret_keys")
    @classmethod
    def _keys_are_fernet_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for key in value:
            try:
                good = len(base64.urlsafe_b64decode(key.encode())) == 32
            except ValueError:
                good = False
            if not good:
                raise ValueError(
                    "each key is 32 bytes in URL-safe base64, as "
                    "cryptography.fernet.Fernet.generate_key() makes them"
                )
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, value: str) -> str:
        if value and not value.startswith(("postgresql+psycopg://", "sqlite:///")):
            raise ValueError(
                "start it with postgresql+psycopg:// or sqlite:/// , or leave it empty"
            )
        return value

    @field_validator("redis_url")
    @classmethod
    def _queue_is_known(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("start it with redis://, rediss:// or unix:// , or leave it empty")
        return value

    @field_validator("photo_store")
    @classmethod
    def _store_is_known(cls, value: str) -> str:
        if "://" in value and not value.startswith("s3://"):
            raise ValueError("give s3://bucket/prefix or a directory, or leave it empty")
        return value

    @field_validator("vapid_private_key")
    @classmethod
    def _vapid_key_is_one(cls, value: str) -> str:
        if value:
            try:
                read_private_key(value)
            except ValueError:
                raise ValueError(
                    "a private key of the curve P-256: 32 bytes in URL-safe base64, as "
                    "`suishoupai keys vapid` makes them"
                ) from None
        return value

    @field_validator("vapid_subject")
    @classmethod
    def _subject_is_reachable(cls, value: str) -> str:
        if value and not value.startswith(("mailto:", "https://")):
            raise ValueError("start it with mailto: or https://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_is_safe(cls, value: str) -> str:
        parts = urlsplit(value)
        is_here = parts.scheme == "smtp" and parts.hostname in ("127.0.0.1", "localhost")
        is_safe = parts.scheme in ("smtps", "smtp+starttls") and parts.hostname
        if value and not (is_here or is_safe):
            raise ValueError("start it with smtps:// or smtp+starttls:// (smtp:// only here)")
        return value

    @field_validator("webhook_secret", "bulletin_secret")
    @classmethod
    def _webhook_secret_is_long(cls, value: str) -> str:
        try:
            key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
        except ValueError:
            key = b""
        if value and not (value.startswith("whsec_") and 24 <= len(key) <= 64):
            raise ValueError("write whsec_ and then 24 to 64 random bytes in base64")
        return value

    @field_validator("webhook_url")
    @classmethod
    def _webhook_is_safe(cls, value: str) -> str:
        return _safe_address(value)

    @field_validator("oidc_issuer", "sms_gateway_url", "public_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        return _safe_address(value).rstrip("/")

    @model_validator(mode="after")
    def _open_data_has_a_licence(self) -> "Settings":
        if self.open_data and not self.open_data_licence.strip():
            raise ValueError("set OPEN_DATA_LICENCE too: nobody may use data without a licence")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> "Settings":
        given = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)
        if any(given) and not all(given):
            raise ValueError(
                "set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET together, or none of them"
            )
        return self

    @model_validator(mode="after")
    def _gateway_is_whole(self) -> "Settings":
        if bool(self.sms_gateway_url) is not bool(self.sms_gateway_secret):
            raise ValueError("set SMS_GATEWAY_URL and SMS_GATEWAY_SECRET together, or neither")
        return self

    @model_validator(mode="after")
    def _ways_out_are_whole(self) -> "Settings":
        if bool(self.vapid_private_key) is not bool(self.vapid_subject):
            raise ValueError("set VAPID_PRIVATE_KEY and VAPID_SUBJECT together, or neither")
        if bool(self.smtp_url) is not bool(self.mail_from):
            raise ValueError("set SMTP_URL and MAIL_FROM together, or neither")
        if bool(self.bulletin_hosts) is not bool(self.bulletin_secret):
            raise ValueError("set BULLETIN_HOSTS and BULLETIN_SECRET together, or neither")
        if bool(self.webhook_url) is not bool(self.webhook_secret):
            raise ValueError("set WEBHOOK_URL and WEBHOOK_SECRET together, or neither")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        if self.intake_port == self.review_port:
            raise ValueError("INTAKE_PORT and REVIEW_PORT must differ")
        return self

    @property
    def embedded_database(self) -> bool:
        """Whether the database is the SQLite file under DATA_DIR."""
        return not self.database_url

    @property
    def embedded_queue(self) -> bool:
        """Whether `up` starts the queue server itself."""
        return not self.redis_url

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy address in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'suishoupai.sqlite3'}"

    @property
    def queue_dir(self) -> Path:
        """Where the embedded queue server keeps its files."""
        return self.data_dir / "queue"

    @property
    def effective_redis_url(self) -> str:
        """The queue's address; the embedded server's port and password lie under DATA_DIR.

        Raises ConfigurationError while the embedded server was never started.
        """
        if self.redis_url:
            return self.redis_url
        try:
            port = (self.queue_dir / "port").read_text().strip()
            password = (self.queue_dir / "password").read_text().strip()
        except FileNotFoundError:
            raise ConfigurationError(
                "queue-not-started",
                Words(
                    "队列服务还没有启动:请先运行 suishoupai up,或设置 REDIS_URL。",
                    "The queue server was never started here: run `suishoupai up` first, "
                    "or set REDIS_URL.",
                ),
                field="REDIS_URL",
            ) from None
        return f"redis://:{quote(password)}@127.0.0.1:{port}/0"

    @property
    def effective_upload_dir(self) -> Path:
        """The directory in which photos lie while they come in by upload."""
        return Path(self.upload_dir) if self.upload_dir else self.data_dir / "uploads"

    @property
    def rider_address(self) -> str:
        """Where riders find this door: what is printed on QR codes."""
        return self.public_url or f"http://127.0.0.1:{self.intake_port}"

    @property
    def effective_photo_store(self) -> str:
        """The directory or s3:// address that holds the photos."""
        return self.photo_store or str(self.data_dir / "photos")


def _safe_address(value: str) -> str:
    """Return an address as it is; raises ValueError where others could read what is sent."""
    parts = urlsplit(value)
    is_here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if value and not (is_here or (parts.scheme == "https" and parts.hostname)):
        raise ValueError("start it with https:// (http:// only on this machine)")
    return value


def load_settings(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read and check the settings; make the secret keys where that is allowed.

    `environ` stands in for the process environment (tests). Raises
    ConfigurationError, whose sentence names each variable at fault.
    """
    values: dict[str, object] = {}
    source = os.environ if environ is None else environ
    for name in Settings.model_fields:
        text = source.get(name.upper(), "")
        if text != "":
            values[name] = text
    values |= overrides
    try:
        # The environment was read above, so that a test can pass its own.
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _explain(error) from None
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    if settings.secret_keys:
        return settings
    return settings.model_copy(update={"secret_keys": _kept_keys(settings)})


def _explain(error: ValidationError) -> ConfigurationError:
    lines = []
    for fault in error.errors():
        name = str(fault["loc"][0]).upper() if fault["loc"] else ""
        lines.append(f"{name}: {fault['msg'].removeprefix('Value error, ')}".removeprefix(": "))
    text = "; ".join(lines)
    return ConfigurationError(
        "setting-invalid", Words(f"设置有误:{text}", f"A setting is wrong: {text}")
    )


def _kept_keys(settings: Settings) -> tuple[str, ...]:
    """Keys of the embedded default, made once and kept under DATA_DIR for their owner alone."""
    if not settings.embedded_database:
        raise ConfigurationError(
            "secret-keys-missing",
            Words(
                "使用外部数据库时必须设置 SECRET_KEYS(Fernet 密钥,逗号分隔,新的在前)。",
                "SECRET_KEYS must be set when DATABASE_URL is: Fernet keys, comma-separated, "
                "newest first.",
            ),
            field="SECRET_KEYS",
        )
    path = settings.data_dir / "secrets" / "keys"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        fresh = path.with_name(f"keys.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails where a rename would replace: of two processes that start
            # at the same moment the first one's key stands, for both.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
