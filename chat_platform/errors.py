"""Errors that people see: a small tree, each with a stable code.

What belongs here: the exception classes and the catalogue of codes. What does not: catching anything.

    ChatPlatformError
    ├── ConfigurationError     settings, set-up, the machine           CP-CONF-…
    ├── SourceError            something outside answered badly
    │   ├── SlackError                                                 CP-SLACK-…
    │   └── ZoomError                                                  CP-ZOOM-…
    ├── InputError             a file or list that somebody gave us    CP-FILE-…, CP-PEOPLE-…
    ├── DataError              our own data breaks a rule of ours      CP-DATA-…
    └── StorageError           lake, warehouse, publication            CP-STORE-…

Every error says what happened (``what``), why (``why``), what to do (``remedy``) and its ``code``. The texts
live in the catalogue in English and Korean; the place that raises adds ``detail``: the facts of this case,
never a secret. ``transient`` tells whether trying again later can help.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCode:
    """One entry of the catalogue; the docs page of errors is generated from it."""

    code: str
    what: str
    why: str
    remedy: str
    what_ko: str
    why_ko: str
    remedy_ko: str
    transient: bool = False


CATALOGUE: dict[str, ErrorCode] = {}


def _code(
    code: str,
    what: tuple[str, str],
    why: tuple[str, str],
    remedy: tuple[str, str],
    *,
    transient: bool = False,
) -> None:
    """Add a code; each text is a pair (English, Korean)."""
    if code in CATALOGUE:
        raise ValueError(f"error code {code} is declared twice")
    CATALOGUE[code] = ErrorCode(
        code, what[0], why[0], remedy[0], what[1], why[1], remedy[1], transient=transient
    )


class ChatPlatformError(Exception):
    """Root of the tree. Raise a subclass with a code of the catalogue.

    Args:
        code: a key of ``CATALOGUE``.
        detail: facts of this case (a file name, a line, an HTTP status); never a secret.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        if code not in CATALOGUE:
            raise KeyError(f"unknown error code {code}")
        self.code = code
        self.detail = detail
        super().__init__(str(self))

    @property
    def entry(self) -> ErrorCode:
        """The catalogue entry of this error."""
        return CATALOGUE[self.code]

    @property
    def transient(self) -> bool:
        """Whether a later attempt can succeed without anybody changing anything."""
        return self.entry.transient

    def render(self, language: str = "en") -> str:
        """The error as people read it, in ``en`` or ``ko``: what, why, what to do, code."""
        entry = self.entry
        korean = language == "ko"
        what = entry.what_ko if korean else entry.what
        why = entry.why_ko if korean else entry.why
        remedy = entry.remedy_ko if korean else entry.remedy
        facts = f" ({self.detail})" if self.detail else ""
        return f"{what}{facts} · {why} · {remedy} · {self.code}"

    def __str__(self) -> str:
        return self.render("en")

    def __reduce__(self) -> tuple[type[ChatPlatformError], tuple[str, str]]:
        return (type(self), (self.code, self.detail))


class ConfigurationError(ChatPlatformError):
    """Settings, set-up or the machine."""


class SourceError(ChatPlatformError):
    """Something outside answered badly."""


class SlackError(SourceError):
    """Slack's Web API."""


class ZoomError(SourceError):
    """Zoom's pages and recording API."""


class InputError(ChatPlatformError):
    """A file or list that somebody gave us."""


class DataError(ChatPlatformError):
    """Our own data breaks a rule of ours."""


class StorageError(ChatPlatformError):
    """Lake, warehouse or publication."""


# --- CP-CONF: settings, set-up, the machine ---------------------------------------------------------------

_code(
    "CP-CONF-001",
    ("A setting is missing or not valid", "설정이 없거나 올바르지 않습니다"),
    (
        "the environment or chatp.toml lacks it or holds another form",
        "환경 변수나 chatp.toml에 값이 없거나 형식이 다릅니다",
    ),
    ("set it as docs/configuration.md shows", "docs/configuration.md를 보고 값을 설정하세요"),
)
_code(
    "CP-CONF-002",
    ("Chromium or its driver was not found", "Chromium 또는 드라이버를 찾을 수 없습니다"),
    (
        "the packages chromium and chromium-driver are not installed",
        "chromium, chromium-driver 패키지가 설치되어 있지 않습니다",
    ),
    ("apt-get install chromium chromium-driver", "apt-get install chromium chromium-driver 를 실행하세요"),
)

# --- CP-SLACK: Slack --------------------------------------------------------------------------------------

# --- CP-ZOOM: Zoom's pages and play info ------------------------------------------------------------------

# --- CP-FILE: chat files that somebody gave us ------------------------------------------------------------

# --- CP-PEOPLE: lists of people and identity decisions ----------------------------------------------------

# --- CP-DATA: rules of our own data -----------------------------------------------------------------------

_code(
    "CP-DATA-001",
    ("A table does not have the declared columns", "테이블의 열이 선언과 다릅니다"),
    ("the code that wrote it and its TableSpec disagree", "기록한 코드와 TableSpec이 서로 다릅니다"),
    (
        "fix the writer or the TableSpec, then materialise again",
        "기록 코드나 TableSpec을 고친 뒤 다시 실행하세요",
    ),
)
_code(
    "CP-DATA-002",
    ("Records do not add up", "레코드 수가 맞지 않습니다"),
    (
        "records in the payload differ from messages + replies + reactions + removals + quarantined + duplicates",
        "원본의 레코드 수가 메시지 + 답글 + 반응 + 취소 + 격리 + 중복의 합과 다릅니다",
    ),
    (
        "this is a defect of a parser: keep the raw file and report the conversation id",
        "파서의 결함입니다. 원본을 보관하고 conversation id를 알려 주세요",
    ),
)

# --- CP-STORE: lake, warehouse, publication ---------------------------------------------------------------
