"""All settings, in one place.

What belongs here: names, types, defaults and meanings of settings. What does not: reading sources, opening
files, or acting on a setting.

A setting comes from the environment (``CHATP_`` + its name; nested ones with ``__``), else from the file
``chatp.toml`` in ``CHATP_HOME``, else from its default. Secrets come from the environment only.
"""

from __future__ import annotations

import ipaddress
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

SECRETS = (
    "slack_token",
    "mail_password",
    "oidc_secrets",
    "stream_client_ids",
    "stream_client_secrets",
)
CANDIDATES = ("rules", "linear", "linear_characters", "linear_morphemes", "transformer")
AUTHOR_CANDIDATES = ("characters", "encoder", "characters_encoder")


def project_root() -> Path:
    """The folder that holds ``chat_platform`` and ``dbt_project``."""
    return Path(__file__).resolve().parents[1]


def default_home() -> Path:
    """``CHATP_HOME``, else ``var`` in the project."""
    return Path(os.environ.get("CHATP_HOME") or project_root() / "var").resolve()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host name or address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class AnnouncementRules(BaseModel):
    """What an announcement of recordings looks like.

    Attributes:
        channels: Slack channel ids that carry announcements; empty means the channels named below.
        channel_names: channel names (without ``#``), looked up by ``conversations.list``.
        pattern: regular expression that the message's text must contain.
        authors: Slack user ids that may announce; empty means anybody.
        passcode_labels: words before a passcode.
    """

    channels: list[str] = []
    channel_names: list[str] = ["녹화본-공유"]
    pattern: str = r"녹화본(을)?\s*공유|강의\s*녹화|recording"
    authors: list[str] = []
    passcode_labels: list[str] = ["암호", "비밀번호", "비번", "패스코드", "passcode", "password", "pw"]


class SlackSettings(BaseModel):
    """The Slack source.

    Attributes:
        base_url: address of the Web API.
        timeout_s: longest silence of the network before an attempt is given up, seconds.
    """

    base_url: str = "https://slack.com/api/"
    lookback_days: int = Field(
        7, ge=1, description="How far back each tick looks for late replies and edits."
    )
    start_date: date = Field(date(2020, 1, 1), description="Nothing before this day is asked for.")
    chat_channel_names: list[str] = Field(
        [], description="Channels whose messages become tables, by name; empty: every channel the app is in."
    )
    timeout_s: float = 20.0
    announcements: AnnouncementRules = AnnouncementRules()


class ZoomSettings(BaseModel):
    """The Zoom source.

    Attributes:
        allowed_hosts: hosts that may be contacted, redirects included; ``.zoom.us`` allows its sub-domains.
        browser: ``auto`` (plain HTTP first, Chromium when the page does not yield), ``always`` or ``never``.
        chromium: path of the browser; default: found on the PATH.
        chromedriver: path of its driver; default: found on the PATH.
        timeout_s: longest wait for a page or an answer, seconds.
        parallel: recordings fetched at once.
    """

    allowed_hosts: list[str] = ["zoom.us", ".zoom.us"]
    allow_plain_http: bool = Field(False, description="Allow http:// (local simulators only).")
    browser: str = Field("auto", pattern="^(auto|always|never)$")
    chromium: str | None = None
    chromedriver: str | None = None
    timeout_s: float = 30.0
    parallel: int = Field(2, ge=1, le=8)


class StreamerListColumns(BaseModel):
    """Which columns of a list of streamers mean what: by header, or by letter (``A``, ``B``, …).

    ``None``: found by its header, else by what is in it.
    """

    url: str | None = Field(None, description="Addresses of channels, by header or letter; None: found.")
    name: str | None = Field(None, description="Names of streamers, by header or letter; None: found.")
    key: str | None = Field(
        None, description="The list's own number or word for a person, by header or letter; None: found."
    )
    platform: str | None = Field(None, description="Platforms, by header or letter; None: found.")


class StreamSettings(BaseModel):
    """Streaming platforms.

    Attributes:
        base_urls: addresses by platform (``emotes`` for BTTV, FFZ and 7TV) and name, for local simulators.
        list_columns: columns of the list of streamers.
        parallel: requests to one platform at once; its limit is kept by all of them together.
        timeout_s: longest silence of the network before an attempt is given up, seconds.
        start_date: first day of figures; the days before have no partition.
        snapshot_hour: hour, in the class's zone, from which the day's figures are asked for.
    """

    base_urls: dict[str, dict[str, str]] = {}
    start_date: date = date(2026, 1, 1)
    snapshot_hour: int = Field(5, ge=0, le=23)
    lookback_days: int = Field(
        14, ge=1, description="Videos published earlier are left to `chatp streams backfill`."
    )
    look_minutes: float = Field(
        30.0, ge=0, description="Each channel is asked for new videos once in so many minutes."
    )
    settle_minutes: float = Field(
        20.0,
        ge=0,
        description="A stream counts as over so long after its last second; until then it may grow.",
    )
    list_columns: StreamerListColumns = StreamerListColumns()
    list_sheet: str | None = Field(None, description="Sheet of the workbook; None: the first with addresses.")
    parallel: int = Field(8, ge=1, le=32)
    timeout_s: float = Field(20.0, gt=0)


class NameRules(BaseModel):
    """How a display name is taken apart.

    Attributes:
        roles: word in a name → role.
        teams: words in a name that say team or place.
        team_patterns: regular expressions of whole parts that say team or place.
        ignored_patterns: regular expressions of what stands in brackets and says nothing about the person.
        separators: characters between the parts, besides blanks.
    """

    roles: dict[str, str] = {
        "강사": "teacher",
        "강사님": "teacher",
        "선생님": "teacher",
        "교수": "teacher",
        "teacher": "teacher",
        "운영진": "staff",
        "매니저": "staff",
        "LM": "staff",
        "조교": "staff",
        "TA": "staff",
        "staff": "staff",
    }
    teams: list[str] = ["온라인", "오프라인", "online", "offline"]
    team_patterns: list[str] = [r"\d{1,3}\s?(팀|조|반|기)", r"(team|group)\s?\d{1,3}"]
    ignored_patterns: list[str] = [
        r"(he|she|they|him|her|them|his|hers|theirs)([/, ]+(he|she|they|him|her|them|his|hers|theirs))*",
        r"host|co-host|guest|me|호스트|공동 호스트|게스트|나",
    ]
    separators: str = "_/|·"


class PeakRules(BaseModel):
    """When a moment of a lecture counts as a peak, in a room of 30.

    Attributes:
        window_minutes: minutes that are looked at together.
        min_speakers: least distinct people in the window.
        min_messages: least messages in the window.
    """

    window_minutes: int = 3
    min_speakers: int = 5
    min_messages: int = 8
    ratio: float = Field(3.0, description="Times the room's own baseline.")


class PromotionRules(BaseModel):
    """What a trained model must reach before it serves.

    Attributes:
        metric: figure that decides.
        floor: least value of it.
        min_rows: least test rows, and least rows that candidate and champion both scored.
        min_each_class: least test rows of each answer.
        seed: of the resampling.
    """

    metric: str = Field("f1", pattern="^(f1|accuracy|auc|average_precision)$")
    floor: float = Field(0.7, ge=0, le=1)
    min_rows: int = Field(100, ge=1)
    min_each_class: int = Field(20, ge=1)
    largest_drop: float = Field(0.03, ge=0, description="Most that it may lose against the champion.")
    max_calibration_error: float = Field(0.05, ge=0, description="Beyond what chance makes on so few rows.")
    slice_rows: int = Field(40, ge=1, description="Slices with fewer rows are not judged.")
    slice_drop: float = Field(0.05, ge=0, description="Most that a slice may lose, and beyond its interval.")
    seed: int = 0


class AuthorPromotionRules(PromotionRules):
    """The same for the author model, which is right or wrong and never says yes."""

    metric: str = Field("rate", pattern="^(rate)$", description="Share of right first guesses.")
    floor: float = Field(0.3, ge=0, le=1, description="Least value of it.")
    max_calibration_error: float = Field(0.1, ge=0, description="Beyond what chance makes on so few rows.")


class PromotionSettings(BaseModel):
    """Rules of promotion of each model."""

    question: PromotionRules = PromotionRules()
    author: AuthorPromotionRules = AuthorPromotionRules()


class ModelSettings(BaseModel):
    """Training of the question model and of the author model.

    Attributes:
        candidates: kinds that are trained side by side; the evaluation picks.
        author_candidates: the same of the author model.
        weak_conversations: latest conversations that weak labels, thresholds and drift are taken from.
        weak_labels: most weak labels that are trained on.
        corrections_needed: new corrections after which the model is trained again.
        drift_window: latest recordings that drift is measured on.
    """

    candidates: list[str] = ["rules", "linear", "linear_characters"]
    author_candidates: list[str] = ["characters"]
    weak_conversations: int = Field(120, ge=0)
    weak_labels: int = Field(12_000, ge=0)
    corrections_needed: int = Field(50, ge=1)
    drift_window: int = Field(20, ge=5)
    transformer_checkpoint: str | None = Field(
        None,
        description="Hub id or folder of a checkpoint for the candidate `transformer`; None: an own encoder.",
    )
    author_checkpoint: str | None = Field(
        None,
        description="The same for the author model's candidates with an encoder.",
    )
    seed: int = 0

    @field_validator("candidates")
    @classmethod
    def _known_candidates(cls, value: list[str]) -> list[str]:
        unknown = set(value) - set(CANDIDATES)
        if unknown or not value:
            raise ValueError(f"candidates must be some of {', '.join(CANDIDATES)}")
        return value

    @field_validator("author_candidates")
    @classmethod
    def _known_author_candidates(cls, value: list[str]) -> list[str]:
        if "characters" not in value or set(value) - set(AUTHOR_CANDIDATES):
            raise ValueError(
                f"author_candidates must be characters, and any of {', '.join(AUTHOR_CANDIDATES)}"
            )
        return list(dict.fromkeys(value))


class AuthorRules(BaseModel):
    """What the author model learns from, and when it gives a name.

    Attributes:
        min_messages: messages below which a person is not learnt.
        min_letters: letters below which a message says nothing of its author.
        max_characters: a longer message is a paste.
        precision: share of the names given that should be right.
    """

    min_messages: int = Field(30, ge=10)
    min_letters: int = Field(2, ge=1)
    max_characters: int = Field(2_000, ge=100)
    precision: float = Field(0.8, gt=0, lt=1)


class OidcProvider(BaseModel):
    """An OpenID Connect provider that people may sign in with.

    Attributes:
        issuer: address of the provider, exactly as it names itself; https, or http on this machine.
        client_id: as the provider gave it.
        scopes: what is asked for, blank-separated.
        label: name on the button.
        slack_team: id of your Slack workspace (T…): its members are then known by their Slack id.
    """

    issuer: str
    client_id: str
    scopes: str = "openid profile email"
    label: str
    slack_team: str | None = None
    admit_people: bool = Field(
        False, description="People of a class (by Slack id) may come as students without invitation."
    )

    @field_validator("issuer")
    @classmethod
    def _safe_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError("issuer must be an https address")
        return value


class WebSettings(BaseModel):
    """The portal.

    Attributes:
        host: address that it listens on; loopback unless a proxy with TLS stands before it.
        class_id: short name of the class in this home, part of its addresses.
        class_title: name of the class as people read it.
        classes: further classes in one portal: short name → home of the class.
        smallest_group: fewer people than this are shown as "< k", never as a number.
    """

    host: str = "127.0.0.1"
    port: int = Field(8600, ge=0, le=65_535)
    base_url: str | None = Field(
        None, description="Address that people type, for links in mails; None: host and port."
    )
    allow_plain_http: bool = Field(False, description="Listen beyond this machine although nothing encrypts.")
    oidc: dict[Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$")], OidcProvider] = Field(
        {}, description="Providers to sign in with, by a short name; see portal-accounts.md."
    )
    class_id: str = Field("class", pattern="^[a-z0-9][a-z0-9-]{0,31}$")
    class_title: str = "Class"
    classes: dict[str, Path] = {}
    smallest_group: int = Field(5, ge=2)
    session_idle_minutes: int = Field(12 * 60, ge=1, description="A session unused for so long ends.")
    session_days: int = Field(14, ge=1, description="A session ends after so long, used or not.")
    largest_body_mb: float = Field(1.0, gt=0, description="Largest request, uploads of files aside.")
    largest_upload_mb: float = Field(20.0, gt=0, description="Largest file that may be uploaded.")
    dagster_url: str = Field("http://127.0.0.1:3000", description="Dagster UI that operators are linked to.")
    api_requests_per_minute: int = Field(600, ge=1, description="Requests of one account with tokens.")


class MailSettings(BaseModel):
    """The mail server that the portal writes through; without a host no mail is sent.

    Attributes:
        host: name of the server; ``None``: no mail.
        security: ``starttls`` (asked for, and nothing is sent without it), ``tls`` (from the first byte) or ``none``.
        login: name at the server; ``None``: it wants none. The password comes from ``CHATP_MAIL_PASSWORD``.
        from_address: address that mails come from; bounces go there.
        timeout_s: longest silence of the server before it is given up, seconds.
    """

    host: str | None = None
    port: int = Field(587, ge=1, le=65_535)
    security: str = Field("starttls", pattern="^(starttls|tls|none)$")
    login: str | None = None
    from_address: str = Field("chat-platform@localhost", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    timeout_s: float = Field(60.0, gt=0)


class DigestSettings(BaseModel):
    """The weekly digest, of the week before: by mail where ``mail.host`` is set, to Slack where a channel is.

    Attributes:
        weekday: day of sending: 0 is Sunday, 1 Monday, … 6 Saturday.
        hour: hour of sending, in the class's zone.
        language: ``ko`` or ``en``, of Slack's digest and of accounts that have not chosen.
    """

    weekday: int = Field(1, ge=0, le=6)
    hour: int = Field(8, ge=0, le=23)
    language: str = Field("ko", pattern="^(ko|en)$")
    slack_channel: str | None = Field(
        None,
        description="Channel for the digest, by id or name; not the one of the announcements. None: no Slack.",
    )


class Settings(BaseSettings):
    """Every setting of the platform.

    Attributes:
        home: folder of all data; default: ``var`` in the project.
        timezone: zone of the class, in which days are counted and times shown.
        workers: processes that compute at once; default: number of cores. Each needs about 500 MB.
        published_versions: published files that are kept.
    """

    model_config = SettingsConfigDict(env_prefix="CHATP_", env_nested_delimiter="__", extra="forbid")

    home: Path = Field(default_factory=default_home)
    timezone: str = "Asia/Seoul"
    slack_token: SecretStr | None = Field(None, description="Token of your internal Slack app (xoxb-…).")
    mail_password: SecretStr | None = Field(None, description="Password of `mail.login`.")
    oidc_secrets: dict[str, SecretStr] = Field(
        {}, description="Client secrets of `web.oidc` by the same short names (CHATP_OIDC_SECRETS__SLACK=…)."
    )
    stream_client_ids: dict[str, SecretStr] = Field(
        {},
        description="Client ids by platform (CHATP_STREAM_CLIENT_IDS__TWITCH=…); `twitch_web` is the one that "
        "Twitch's web page names itself with, for the chat of videos.",
    )
    stream_client_secrets: dict[str, SecretStr] = Field(
        {}, description="Client secrets by platform (CHATP_STREAM_CLIENT_SECRETS__TWITCH=…)."
    )
    slack: SlackSettings = SlackSettings()
    zoom: ZoomSettings = ZoomSettings()
    streams: StreamSettings = StreamSettings()
    names: NameRules = NameRules()
    peaks: PeakRules = PeakRules()
    models: ModelSettings = ModelSettings()
    promotion: PromotionSettings = PromotionSettings()
    authors: AuthorRules = AuthorRules()
    web: WebSettings = WebSettings()
    mail: MailSettings = MailSettings()
    digest: DigestSettings = DigestSettings()
    stop_words: list[str] = Field(
        [], description="Lemmas left out of word metrics, beside the built-in list."
    )
    app_database_url: str | None = Field(None, description="SQLAlchemy URL; None: SQLite in CHATP_HOME.")
    lake_url: str | None = Field(None, description="fsspec URL of the lake; None: a folder in CHATP_HOME.")
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    retry_minutes: float = Field(30.0, description="First wait before a failed recording is tried again.")
    max_attempts: int = Field(12, description="Attempts before a recording is given up as failed for good.")
    published_versions: int = Field(3, ge=1)
    retention_days: int = Field(60, description="Dagster runs older than this are purged.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone is named {value!r}") from error
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then ``chatp.toml`` without its secrets."""
        return (init_settings, env_settings, _TomlWithoutSecrets(settings_cls, default_home() / "chatp.toml"))

    @property
    def zone(self) -> ZoneInfo:
        """The class's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def lake(self) -> str:
        """URL or path of the lake."""
        return self.lake_url or str(self.home / "lake")

    @property
    def warehouse(self) -> Path:
        """Folder of the build file and of the published files."""
        return self.home / "warehouse"

    @property
    def inbox(self) -> Path:
        """Watched folder for saved chat files."""
        return self.home / "inbox"

    @property
    def streamer_inbox(self) -> Path:
        """Watched folder for lists of streamers."""
        return self.inbox / "streamers"

    @property
    def stream_chat_inbox(self) -> Path:
        """Watched folder for files of streams' chat."""
        return self.inbox / "stream_chats"

    @property
    def live_chats(self) -> Path:
        """Folder of what is heard live, until it is archived."""
        return self.home / "live"

    @property
    def screenshots(self) -> Path:
        """Screenshots of pages that did not work, with inputs blurred."""
        return self.home / "screenshots"

    @property
    def app_database(self) -> str:
        """SQLAlchemy URL of the app database."""
        return self.app_database_url or f"sqlite:///{self.home / 'app.sqlite'}"


class _TomlWithoutSecrets(TomlConfigSettingsSource):
    """``chatp.toml``, in which a secret is refused rather than read."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        for secret in SECRETS:
            if secret in values:
                raise ValueError(
                    f"{secret} belongs in the environment (CHATP_{secret.upper()}), not in chatp.toml"
                )
        return values
