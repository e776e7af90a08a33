"""Errors that people see: a small tree, each with a stable code.

What belongs here: the exception classes and the catalogue of codes. What does not: catching anything.

    ChatPlatformError
    ├── ConfigurationError     settings, set-up, the machine           CP-CONF-…
    ├── SourceError            something outside answered badly
    │   ├── SlackError                                                 CP-SLACK-…
    │   ├── StreamError        any streaming platform                  CP-STREAM-…, CP-TWITCH-…
    │   └── ZoomError                                                  CP-ZOOM-…
    ├── InputError             a file or list that somebody gave us    CP-FILE-…, CP-PEOPLE-…
    ├── DataError              our own data breaks a rule of ours      CP-DATA-…
    ├── ModelError             labels, training, evaluation, registry  CP-ML-…
    ├── StorageError           lake, warehouse, publication            CP-STORE-…
    └── WebError               a request to the portal                 CP-WEB-…

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


class WebError(ChatPlatformError):
    """A request to the portal that is refused; the code says with which HTTP status (``web.failures``)."""


class SlackError(SourceError):
    """Slack's Web API."""


class StreamError(SourceError):
    """A streaming platform, an emote provider, or a chat of theirs."""


class ZoomError(SourceError):
    """Zoom's pages and recording API."""


class InputError(ChatPlatformError):
    """A file or list that somebody gave us."""


class DataError(ChatPlatformError):
    """Our own data breaks a rule of ours."""


class ModelError(ChatPlatformError):
    """Labels, training, evaluation, registry or prediction; CP-ML-…."""


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

_code(
    "CP-CONF-003",
    ("Setting up failed", "설정에 실패했습니다"),
    ("a program that sets up this home ended with an error", "설정 프로그램이 오류로 끝났습니다"),
    (
        "read its last lines above, then run `make setup` again",
        "위의 마지막 줄을 확인하고 `make setup`을 다시 실행하세요",
    ),
)
_code(
    "CP-CONF-004",
    ("The query failed", "쿼리가 실패했습니다"),
    ("DuckDB does not accept it", "DuckDB가 쿼리를 받아들이지 않습니다"),
    (
        'correct it; `chatp sql "show all tables"` lists what there is',
        '쿼리를 고치세요. `chatp sql "show all tables"`로 목록을 볼 수 있습니다',
    ),
)

_code(
    "CP-CONF-005",
    ("A run failed", "실행이 실패했습니다"),
    (
        "one of its steps ended with an error; nothing was lost",
        "한 단계가 오류로 끝났습니다. 잃은 데이터는 없습니다",
    ),
    (
        "look at the error above and at `chatp status`; the next run takes up what is left",
        "위 오류와 `chatp status`를 확인하세요. 남은 것은 다음 실행이 처리합니다",
    ),
)

_code(
    "CP-CONF-006",
    ("This is no home of the platform", "플랫폼의 데이터 폴더가 아닙니다"),
    ("it holds neither lake nor dagster", "lake 폴더도 dagster 폴더도 없습니다"),
    ("check CHATP_HOME", "CHATP_HOME을 확인하세요"),
)

# --- CP-SLACK: Slack --------------------------------------------------------------------------------------

_code(
    "CP-SLACK-001",
    ("There is no usable Slack token", "사용할 수 있는 Slack 토큰이 없습니다"),
    (
        "CHATP_SLACK_TOKEN is not set, or holds blanks or characters that no token has",
        "CHATP_SLACK_TOKEN이 없거나, 토큰에 쓸 수 없는 문자나 공백이 들어 있습니다",
    ),
    (
        "put the token of your own Slack app (xoxb-…) in CHATP_SLACK_TOKEN",
        "직접 만든 Slack 앱의 토큰(xoxb-…)을 CHATP_SLACK_TOKEN에 넣으세요",
    ),
)
_code(
    "CP-SLACK-002",
    ("Slack does not accept the token", "Slack이 토큰을 거부했습니다"),
    (
        "it was revoked, has expired or belongs to another workspace",
        "토큰이 취소되었거나 만료되었거나 다른 워크스페이스의 것입니다",
    ),
    (
        "install the app again and set the new token in CHATP_SLACK_TOKEN",
        "앱을 다시 설치하고 새 토큰을 CHATP_SLACK_TOKEN에 설정하세요",
    ),
)
_code(
    "CP-SLACK-003",
    ("The Slack app lacks a scope", "Slack 앱에 권한(scope)이 없습니다"),
    ("the token was issued before the scope was added", "권한을 추가하기 전에 발급된 토큰입니다"),
    (
        "add the scope that is named here to the app, install it again and set the new token",
        "여기에 적힌 scope를 앱에 추가하고 다시 설치한 뒤 새 토큰을 설정하세요",
    ),
)
_code(
    "CP-SLACK-004",
    ("A Slack channel was not found", "Slack 채널을 찾을 수 없습니다"),
    (
        "its id or name is wrong, or it is private and the app cannot see it",
        "채널 id나 이름이 틀렸거나, 앱이 볼 수 없는 비공개 채널입니다",
    ),
    (
        "compare the settings with the channel's details in Slack; invite the app to a private channel",
        "설정을 Slack의 채널 정보와 비교하고, 비공개 채널이면 앱을 초대하세요",
    ),
)
_code(
    "CP-SLACK-005",
    ("The Slack app is not in the channel", "Slack 앱이 채널에 들어와 있지 않습니다"),
    ("an app reads only channels that it is a member of", "앱은 자신이 멤버인 채널만 읽을 수 있습니다"),
    ("type /invite @your-app in the channel", "채널에서 /invite @앱이름 을 입력하세요"),
)
_code(
    "CP-SLACK-006",
    (
        "Slack asked us to slow down for longer than we may wait",
        "Slack이 허용된 대기 시간보다 오래 기다리라고 했습니다",
    ),
    ("too many requests in a short time", "짧은 시간에 요청이 너무 많았습니다"),
    (
        "nothing is lost: the next tick asks again; if it stays, watch fewer channels or a shorter look-back",
        "잃은 것은 없습니다. 다음 차례에 다시 요청합니다. 계속되면 채널 수나 되돌아보는 기간을 줄이세요",
    ),
    transient=True,
)
_code(
    "CP-SLACK-007",
    (
        "Slack cannot be reached or answers with an error of its own",
        "Slack에 연결할 수 없거나 서버 오류가 났습니다",
    ),
    (
        "a network fault, a time-out or a fault at Slack, on every attempt",
        "네트워크 장애, 시간 초과 또는 Slack 장애가 시도할 때마다 있었습니다",
    ),
    (
        "check the network and slack.base_url; the next tick asks again",
        "네트워크와 slack.base_url을 확인하세요. 다음 차례에 다시 요청합니다",
    ),
    transient=True,
)
_code(
    "CP-SLACK-008",
    ("Slack's answer is not whole JSON", "Slack의 응답이 온전한 JSON이 아닙니다"),
    (
        "the connection was cut, or something between us and Slack answered instead",
        "연결이 끊겼거나 중간의 다른 장비가 대신 응답했습니다",
    ),
    (
        "the next tick asks again; if it stays, look for a proxy that changes answers",
        "다음 차례에 다시 요청합니다. 계속되면 응답을 바꾸는 프록시가 있는지 확인하세요",
    ),
    transient=True,
)
_code(
    "CP-SLACK-009",
    ("Slack's pages do not come to an end", "Slack의 페이지가 끝나지 않습니다"),
    ("the same cursor was given again and again", "같은 커서가 계속 반복되었습니다"),
    (
        "the next tick starts from the first page; nothing incomplete was stored",
        "다음 차례에 첫 페이지부터 다시 읽습니다. 불완전한 것은 저장되지 않았습니다",
    ),
    transient=True,
)
_code(
    "CP-SLACK-010",
    ("The time for asking Slack is used up", "Slack에 요청할 수 있는 시간을 모두 썼습니다"),
    (
        "the caller's time budget ended before the answer was complete",
        "응답이 끝나기 전에 정해진 시간이 지났습니다",
    ),
    (
        "the next tick asks again; if it stays, watch fewer channels or a shorter look-back",
        "다음 차례에 다시 요청합니다. 계속되면 채널 수나 되돌아보는 기간을 줄이세요",
    ),
    transient=True,
)
_code(
    "CP-SLACK-011",
    ("Slack refused a request", "Slack이 요청을 거절했습니다"),
    (
        "the error that is named here is Slack's own word for it",
        "여기에 적힌 오류 이름은 Slack이 보낸 것입니다",
    ),
    (
        "look the name up in Slack's documentation of the method",
        "해당 메서드의 Slack 문서에서 오류 이름을 찾아보세요",
    ),
)

# --- CP-ZOOM: Zoom's pages and play info ------------------------------------------------------------------

_code(
    "CP-ZOOM-001",
    ("Zoom refuses the passcode", "Zoom이 암호를 거부했습니다"),
    ("the announcement holds another passcode than the recording", "공지의 암호가 녹화본의 암호와 다릅니다"),
    (
        "correct the announcement on Slack; the recording is then taken up again",
        "Slack 공지를 고치면 다시 시도합니다",
    ),
)

_code(
    "CP-ZOOM-002",
    ("The recording does not exist", "녹화본이 없습니다"),
    ("it was deleted, or the link is wrong", "삭제되었거나 링크가 잘못되었습니다"),
    ("ask whoever announced it for a new link", "공지한 사람에게 새 링크를 요청하세요"),
)

_code(
    "CP-ZOOM-003",
    ("The recording may not be watched any more", "녹화본을 더 이상 볼 수 없습니다"),
    ("it has expired or its owner has closed it", "기간이 지났거나 소유자가 닫았습니다"),
    (
        "ask its owner to share it again, then announce the new link",
        "소유자에게 다시 공유를 요청하고 새 링크를 공지하세요",
    ),
)

_code(
    "CP-ZOOM-004",
    ("A host that is not allowed was named", "허용되지 않은 호스트입니다"),
    (
        "the link or a redirect leads outside the allowed hosts",
        "링크나 리디렉션이 허용된 호스트 밖으로 향합니다",
    ),
    (
        "if the host is right, add it to zoom.allowed_hosts",
        "올바른 호스트라면 zoom.allowed_hosts에 추가하세요",
    ),
)

_code(
    "CP-ZOOM-005",
    ("The recording needs a passcode and none was announced", "암호가 필요하지만 공지에 없습니다"),
    ("neither the text, the link nor the thread holds one", "본문, 링크, 스레드 어디에도 암호가 없습니다"),
    ("reply to the announcement with the passcode", "공지에 암호를 답글로 남기세요"),
)

_code(
    "CP-ZOOM-006",
    ("Zoom asks to sign in", "Zoom이 로그인을 요구합니다"),
    ("the recording is shared with signed-in people only", "로그인한 사람에게만 공유된 녹화본입니다"),
    (
        "share it by passcode, or save its chat as a file and import that",
        "암호로 공유하거나 채팅을 파일로 저장해 가져오세요",
    ),
)

_code(
    "CP-ZOOM-007",
    ("The page does not look as it did", "페이지 모양이 바뀌었습니다"),
    (
        "Zoom has changed its markup, or takes us for a robot",
        "Zoom이 페이지를 바꾸었거나 자동화로 판단했습니다",
    ),
    (
        "it is tried again; if it stays, look at the screenshot and report it",
        "다시 시도합니다. 계속되면 스크린샷을 확인하고 알려 주세요",
    ),
    transient=True,
)

_code(
    "CP-ZOOM-008",
    ("The recording is still being processed", "녹화본이 아직 처리 중입니다"),
    ("Zoom has not finished preparing it", "Zoom이 준비를 마치지 않았습니다"),
    ("nothing: it is tried again later", "나중에 자동으로 다시 시도합니다"),
    transient=True,
)

_code(
    "CP-ZOOM-009",
    ("Zoom does not answer", "Zoom이 응답하지 않습니다"),
    ("the network is down or Zoom is", "네트워크나 Zoom에 문제가 있습니다"),
    ("nothing: it is tried again later", "나중에 자동으로 다시 시도합니다"),
    transient=True,
)

_code(
    "CP-ZOOM-010",
    ("An answer of Zoom is cut or not JSON", "Zoom의 응답이 끊겼거나 JSON이 아닙니다"),
    ("the connection broke, or an error page came instead", "연결이 끊겼거나 오류 페이지가 왔습니다"),
    ("nothing: it is tried again later", "나중에 자동으로 다시 시도합니다"),
    transient=True,
)

_code(
    "CP-ZOOM-011",
    ("Zoom says that there were too many requests", "Zoom이 요청이 너무 많다고 합니다"),
    ("the rate limit was reached", "요청 한도에 도달했습니다"),
    (
        "nothing: it is tried again later; lower zoom.parallel if it stays",
        "나중에 다시 시도합니다. 계속되면 zoom.parallel을 낮추세요",
    ),
    transient=True,
)

_code(
    "CP-ZOOM-012",
    ("Zoom refuses with a code that is not known", "Zoom이 알 수 없는 코드로 거부했습니다"),
    ("its answer says status false", "응답의 status가 false입니다"),
    ("it is tried again; if it stays, report the code", "다시 시도합니다. 계속되면 코드를 알려 주세요"),
    transient=True,
)

_code(
    "CP-ZOOM-013",
    ("Chromium did not start or crashed", "Chromium이 시작되지 않았거나 종료되었습니다"),
    (
        "browser and driver do not fit, or memory is short",
        "브라우저와 드라이버 버전이 맞지 않거나 메모리가 부족합니다",
    ),
    ("run `chatp doctor`", "`chatp doctor`를 실행하세요"),
    transient=True,
)

_code(
    "CP-ZOOM-014",
    ("Zoom asks for a captcha", "Zoom이 캡차를 요구합니다"),
    ("too many passcodes were wrong", "암호가 여러 번 틀렸습니다"),
    ("wait an hour; check the passcode in the announcement", "한 시간 기다리고 공지의 암호를 확인하세요"),
    transient=True,
)

_code(
    "CP-ZOOM-015",
    ("An answer of Zoom is too large", "Zoom의 응답이 너무 큽니다"),
    ("it is larger than any chat can be", "채팅이라고 볼 수 없는 크기입니다"),
    ("report the recording's id", "녹화본 id를 알려 주세요"),
)

_code(
    "CP-ZOOM-020",
    ("The link of a recording is not known", "녹화본의 링크를 알 수 없습니다"),
    ("its announcement has never been read on this machine", "이 컴퓨터에서 공지를 읽은 적이 없습니다"),
    (
        "let the sensor slack_discovery read the day of the announcement again",
        "slack_discovery 센서로 공지한 날을 다시 읽으세요",
    ),
)

_code(
    "CP-ZOOM-040",
    ("The recording's answer cannot be read", "녹화 정보 응답을 읽을 수 없습니다"),
    (
        "it is neither JSON nor a recording page that holds a chat",
        "JSON도 아니고 채팅이 있는 녹화 페이지도 아닙니다",
    ),
    (
        "fetch the recording again; if it stays so, report the conversation id",
        "녹화를 다시 받아 보고, 계속되면 conversation id를 알려 주세요",
    ),
)
_code(
    "CP-ZOOM-041",
    ("Zoom answered that the recording cannot be given", "Zoom이 녹화를 제공할 수 없다고 응답했습니다"),
    ("the answer's status is false", "응답의 status가 false입니다"),
    (
        "open the recording's link in a browser and read what Zoom says there",
        "브라우저로 녹화 링크를 열어 Zoom의 안내를 확인하세요",
    ),
)
_code(
    "CP-ZOOM-042",
    ("The recording's answer holds no result", "녹화 정보 응답에 result가 없습니다"),
    ("Zoom changed the answer, or it was cut", "Zoom이 응답 형식을 바꾸었거나 응답이 잘렸습니다"),
    (
        "fetch the recording again; if it stays so, report the conversation id",
        "녹화를 다시 받아 보고, 계속되면 conversation id를 알려 주세요",
    ),
)
_code(
    "CP-ZOOM-043",
    (
        "The chat in the recording's answer has a form that we do not know",
        "녹화 정보 응답의 채팅 형식을 알 수 없습니다",
    ),
    (
        "xmppList, meetingChatList or chatList is not a list",
        "xmppList, meetingChatList, chatList가 목록이 아닙니다",
    ),
    (
        "keep the raw answer and report the conversation id",
        "원본 응답을 보관하고 conversation id를 알려 주세요",
    ),
)

# --- CP-FILE: chat files that somebody gave us ------------------------------------------------------------

_code(
    "CP-FILE-000",
    ("The file cannot be opened", "파일을 열 수 없습니다"),
    ("it does not exist, or may not be read", "파일이 없거나 읽을 권한이 없습니다"),
    ("check the path", "경로를 확인하세요"),
)

_code(
    "CP-FILE-001",
    ("The chat file is empty", "채팅 파일이 비어 있습니다"),
    ("there is nothing but blanks in it, or no file was given", "공백뿐이거나 파일이 주어지지 않았습니다"),
    (
        "save the chat in Zoom again and import that file",
        "Zoom에서 채팅을 다시 저장한 뒤 그 파일을 가져오세요",
    ),
)
_code(
    "CP-FILE-002",
    ("The chat file cannot be read as text", "채팅 파일을 텍스트로 읽을 수 없습니다"),
    (
        "it is neither UTF-8 nor UTF-16 nor CP949, or much of it is damaged",
        "UTF-8, UTF-16, CP949가 아니거나 많이 손상되었습니다",
    ),
    ("open it in an editor and save it as UTF-8", "편집기로 열어 UTF-8로 저장하세요"),
)
_code(
    "CP-FILE-003",
    ("No line of the file looks like a chat message", "채팅 메시지로 보이는 줄이 없습니다"),
    (
        "it is not a saved chat, or a form that we do not know yet",
        "저장된 채팅이 아니거나 아직 모르는 형식입니다",
    ),
    (
        "check that it is Zoom's meeting_saved_chat.txt, chat.txt or GMT…_Recording.txt",
        "Zoom의 meeting_saved_chat.txt, chat.txt, GMT…_Recording.txt 파일인지 확인하세요",
    ),
)
_code(
    "CP-FILE-004",
    ("The date of the chat is not known", "채팅의 날짜를 알 수 없습니다"),
    (
        "neither its lines nor its name or folder (2026-03-02 19.00.00 …) say it",
        "파일 내용과 파일·폴더 이름(2026-03-02 19.00.00 …)에 날짜가 없습니다",
    ),
    ("pass --date 2026-03-02", "--date 2026-03-02 처럼 날짜를 지정하세요"),
)
_code(
    "CP-FILE-005",
    ("The chat file is too large", "채팅 파일이 너무 큽니다"),
    ("it is larger than any meeting's chat can be", "한 회의의 채팅이라고 볼 수 없는 크기입니다"),
    ("check that it is the right file, or cut it into parts", "맞는 파일인지 확인하거나 나누어 가져오세요"),
)
_code(
    "CP-FILE-006",
    ("The date given does not fit the file", "지정한 날짜가 파일과 맞지 않습니다"),
    ("the lines of the file carry dates, and this is none of them", "파일의 줄에 적힌 날짜와 다릅니다"),
    ("leave --date out, or pass the date of that meeting", "--date를 빼거나 그 회의의 날짜를 지정하세요"),
)

# --- CP-PEOPLE: lists of people and identity decisions ----------------------------------------------------

_code(
    "CP-PEOPLE-001",
    ("The list of people cannot be read", "명단을 읽을 수 없습니다"),
    (
        "it is neither Excel nor CSV, or it is damaged or locked with a password",
        "Excel도 CSV도 아니거나, 손상되었거나 암호가 걸려 있습니다",
    ),
    (
        "save it as .xlsx without a password, or as CSV in UTF-8, and try again",
        "암호 없는 .xlsx 또는 UTF-8 CSV로 저장한 뒤 다시 시도하세요",
    ),
)
_code(
    "CP-PEOPLE-002",
    ("The list of people has no columns for id and name", "명단에 아이디와 이름 열이 없습니다"),
    (
        "no row near its top holds headers such as 아이디 and 이름, or id and name",
        "위쪽 행에서 아이디·이름 또는 id·name 같은 머리글을 찾지 못했습니다",
    ),
    (
        "write the headers id and name (or 아이디 and 이름) above the columns",
        "열 위에 아이디와 이름(또는 id와 name)이라는 머리글을 적으세요",
    ),
)
_code(
    "CP-PEOPLE-003",
    ("The list of people is too large", "명단이 너무 큽니다"),
    ("a list of people has at most 20 MB, 200 MB unpacked", "명단은 20 MB, 압축을 풀어 200 MB까지 읽습니다"),
    (
        "check that it is the right file, and leave pictures and other sheets out",
        "올바른 파일인지 확인하고 그림과 다른 시트를 빼세요",
    ),
)
_code(
    "CP-PEOPLE-010",
    ("There is no such name or account", "그런 이름이나 계정이 없습니다"),
    ("nobody of that identity id has been seen in a chat", "그 identity id는 채팅에서 본 적이 없습니다"),
    ("look the id up in core.identities", "core.identities에서 id를 찾아보세요"),
)
_code(
    "CP-PEOPLE-011",
    ("There is no such person", "그런 사람이 없습니다"),
    ("core.people holds nobody of that person id", "core.people에 그 person id가 없습니다"),
    (
        "look the id up in core.people, or add the person to the class list",
        "core.people에서 id를 찾거나 명단에 그 사람을 추가하세요",
    ),
)
_code(
    "CP-PEOPLE-012",
    ("The identity is locked", "잠긴 이름입니다"),
    ("somebody locked it against changes", "누군가 바꾸지 못하게 잠갔습니다"),
    ("undo the lock first", "먼저 잠금을 되돌리세요"),
)
_code(
    "CP-PEOPLE-013",
    ("The decision has been undone already", "이미 되돌린 결정입니다"),
    ("it was undone before", "앞서 되돌려졌습니다"),
    (
        "nothing needs to be done; decide anew to bring it back",
        "할 일이 없습니다. 다시 적용하려면 새로 결정하세요",
    ),
)
_code(
    "CP-PEOPLE-014",
    ("There is no such decision", "그런 결정이 없습니다"),
    ("the log holds no decision of that number", "기록에 그 번호의 결정이 없습니다"),
    ("look the number up in the list of decisions", "결정 목록에서 번호를 찾아보세요"),
)
_code(
    "CP-PEOPLE-015",
    ("The decision would change nothing", "바뀌는 것이 없는 결정입니다"),
    ("the last decision about this identity says the same", "이 이름에 대한 마지막 결정과 같습니다"),
    ("nothing needs to be done", "할 일이 없습니다"),
)
_code(
    "CP-PEOPLE-016",
    ("A decision lacks who made it", "결정한 사람이 없습니다"),
    ("the name of who decides is empty", "결정하는 사람의 이름이 비어 있습니다"),
    ("say who decides", "누가 결정하는지 적으세요"),
)
_code(
    "CP-PEOPLE-020",
    ("A column with personal data has no valid erasure rule", "개인정보 열에 올바른 삭제 규칙이 없습니다"),
    (
        "its TableSpec lacks one, or names one that its type does not allow",
        "TableSpec에 규칙이 없거나 열의 형식에 맞지 않습니다",
    ),
    (
        "declare delete_row, blank or pseudonymise in chat_platform/tables",
        "chat_platform/tables에 delete_row, blank, pseudonymise 중 하나를 선언하세요",
    ),
)

_code(
    "CP-PEOPLE-021",
    ("The list of erased people cannot be read", "삭제된 사람의 목록을 읽을 수 없습니다"),
    (
        "erasures.json or erasure.key in CHATP_HOME is missing or damaged; without them parsing would bring back "
        "what was erased",
        "erasures.json이나 erasure.key가 없거나 손상되었습니다. 이대로 변환하면 지운 내용이 되살아납니다",
    ),
    ("bring both files back from a backup", "두 파일을 백업에서 되돌리세요"),
)
_code(
    "CP-PEOPLE-022",
    ("Something of the person is left", "지워지지 않은 내용이 남아 있습니다"),
    (
        "a run that had begun before wrote it meanwhile, or publishing failed",
        "먼저 시작된 실행이 그 사이에 썼거나 게시가 실패했습니다",
    ),
    ("run the same command again", "같은 명령을 다시 실행하세요"),
)
_code(
    "CP-PEOPLE-023",
    ("Nobody agreed to the erasure", "삭제를 확인하지 않았습니다"),
    (
        "the question was not answered with yes, or --yes is missing",
        "확인 질문에 예라고 답하지 않았거나 --yes가 없습니다",
    ),
    ("look at what --dry-run says, then add --yes", "--dry-run의 결과를 확인한 뒤 --yes를 붙이세요"),
)

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

_code(
    "CP-STORE-001",
    ("Another process holds the warehouse", "다른 프로세스가 웨어하우스를 사용 중입니다"),
    (
        "one process writes at a time and the wait ran out",
        "한 번에 한 프로세스만 쓸 수 있고 대기 시간이 지났습니다",
    ),
    (
        "wait for the other run, or find it with `chatp status`",
        "다른 실행이 끝나기를 기다리거나 `chatp status`로 확인하세요",
    ),
    transient=True,
)
_code(
    "CP-STORE-002",
    ("A partition's name is not allowed", "파티션 이름을 사용할 수 없습니다"),
    (
        "it holds characters that could lead out of its folder",
        "폴더 밖으로 나갈 수 있는 문자가 들어 있습니다",
    ),
    ("use letters, digits, dot, dash and underscore", "영문자, 숫자, 점, 빼기, 밑줄만 사용하세요"),
)
_code(
    "CP-STORE-003",
    ("A file of the lake cannot be read", "레이크 파일을 읽을 수 없습니다"),
    ("it is damaged or not Parquet", "손상되었거나 Parquet 파일이 아닙니다"),
    (
        "materialise its partition again; the raw answer is kept",
        "해당 파티션을 다시 실행하세요. 원본은 보관되어 있습니다",
    ),
)
_code(
    "CP-STORE-004",
    ("A raw payload is missing or damaged", "원본이 없거나 손상되었습니다"),
    ("it was never fetched, or the file was changed", "받은 적이 없거나 파일이 바뀌었습니다"),
    (
        "fetch the recording again (asset raw/zoom_recordings with refetch)",
        "녹화본을 다시 받으세요 (raw/zoom_recordings, refetch)",
    ),
)
_code(
    "CP-STORE-005",
    ("Nothing has been published yet", "아직 게시된 데이터가 없습니다"),
    ("the first run has not reached publication", "첫 실행이 게시 단계에 도달하지 않았습니다"),
    (
        "run `chatp demo`, or `chatp dev` and wait for the first run",
        "`chatp demo`를 실행하거나 `chatp dev` 후 첫 실행을 기다리세요",
    ),
)
_code(
    "CP-STORE-006",
    ("The build file of the warehouse is damaged", "웨어하우스 빌드 파일이 손상되었습니다"),
    ("DuckDB could not open it", "DuckDB가 파일을 열지 못했습니다"),
    (
        "delete warehouse/build.duckdb: the next run loads everything from the lake",
        "warehouse/build.duckdb를 지우면 다음 실행이 레이크에서 다시 채웁니다",
    ),
)
_code(
    "CP-STORE-007",
    ("The pointer to the published version is damaged", "게시 버전을 가리키는 파일이 손상되었습니다"),
    (
        "CURRENT, or the facts of the version that it names, are missing or cannot be understood",
        "CURRENT 또는 그 버전의 정보 파일이 없거나 내용을 알 수 없습니다",
    ),
    (
        "publish again: chatp publish; or write the name of a kept version into warehouse/published/CURRENT",
        "다시 게시하세요(chatp publish). 또는 보관된 버전의 이름을 warehouse/published/CURRENT에 적으세요",
    ),
)
_code(
    "CP-STORE-020",
    ("The address of the app database cannot be used", "앱 데이터베이스 주소를 사용할 수 없습니다"),
    (
        "it is not a SQLAlchemy URL, names no file, or its driver is not installed",
        "SQLAlchemy URL이 아니거나, 파일을 가리키지 않거나, 드라이버가 설치되어 있지 않습니다",
    ),
    (
        "correct CHATP_APP_DATABASE_URL, or unset it to use SQLite in CHATP_HOME",
        "CHATP_APP_DATABASE_URL을 고치거나, 지워서 CHATP_HOME의 SQLite를 사용하세요",
    ),
)
_code(
    "CP-STORE-021",
    ("The app database cannot be opened", "앱 데이터베이스를 열 수 없습니다"),
    (
        "its file is damaged, or the folder or its rights do not allow it",
        "파일이 손상되었거나 폴더 또는 권한이 허용하지 않습니다",
    ),
    (
        "check the rights of CHATP_HOME; restore the file from a backup if it is damaged",
        "CHATP_HOME의 권한을 확인하고, 파일이 손상되었다면 백업에서 복원하세요",
    ),
)
_code(
    "CP-STORE-022",
    ("The app database is busy", "앱 데이터베이스가 사용 중입니다"),
    ("another process has been writing for longer than we wait", "다른 프로세스가 너무 오래 쓰고 있습니다"),
    (
        "try again; if it stays, find the process that hangs",
        "다시 시도하고, 계속되면 멈춘 프로세스를 찾으세요",
    ),
    transient=True,
)
_code(
    "CP-STORE-023",
    ("The tables of the app database cannot be migrated", "앱 데이터베이스의 테이블을 변경할 수 없습니다"),
    ("they were made by a newer version of this program", "더 새로운 버전의 프로그램이 만든 테이블입니다"),
    (
        "install that version, or restore the backup made before it",
        "그 버전을 설치하거나 이전 백업을 복원하세요",
    ),
)
_code(
    "CP-STORE-030",
    (
        "A worker process was killed while it computed a partition",
        "파티션을 계산하던 작업 프로세스가 종료되었습니다",
    ),
    (
        "it was killed again when it ran alone: most likely memory ran out",
        "혼자 실행했을 때에도 다시 종료되었습니다. 메모리 부족일 가능성이 큽니다",
    ),
    (
        "give the machine more memory or lower CHATP_WORKERS, then materialise the partition again",
        "메모리를 늘리거나 CHATP_WORKERS를 줄인 뒤 해당 파티션을 다시 실행하세요",
    ),
)
_code(
    "CP-STORE-040",
    ("No published table has this name", "이런 이름의 게시된 테이블이 없습니다"),
    (
        "it was never built, has another name, or is kept inside (raw answers, bookkeeping)",
        "만들어진 적이 없거나 이름이 다르거나, 밖으로 내보내지 않는 테이블(원본, 내부 기록)입니다",
    ),
    (
        "`chatp export '*.*' --dry-run` lists what can be exported",
        "`chatp export '*.*' --dry-run`으로 내보낼 수 있는 테이블을 확인하세요",
    ),
)
_code(
    "CP-STORE-041",
    ("The export cannot be written", "내보내기를 할 수 없습니다"),
    (
        "the disk is full, the folder may not be written, or the published file is damaged",
        "디스크가 가득 찼거나, 폴더에 쓸 수 없거나, 게시된 파일이 손상되었습니다",
    ),
    (
        "choose another folder with --out; if it stays, publish again (chatp publish). Older files are untouched",
        "--out으로 다른 폴더를 고르고, 계속되면 다시 게시하세요(chatp publish). 이전 파일은 그대로입니다",
    ),
)
_code(
    "CP-STORE-042",
    ("The file there is not an export of ours", "그 자리에 있는 파일은 내보내기로 만든 것이 아닙니다"),
    (
        "an export replaces the whole file, and this one was made by something else",
        "내보내기는 파일 전체를 바꾸는데, 이 파일은 다른 프로그램이 만들었습니다",
    ),
    (
        "choose another name with --out, or move that file away",
        "--out으로 다른 이름을 고르거나 그 파일을 옮기세요",
    ),
)

# Models. 001–009 features and question model, 010–019 labels and consent, 020–029 registry and evaluation,
# 030–039 author model, 040–049 transformer.

_code(
    "CP-ML-001",
    ("The texts hold nothing that a model could learn from", "모델이 배울 수 있는 내용이 글에 없습니다"),
    (
        "no n-gram stands in enough of them (too few texts, or all of them empty)",
        "충분히 반복되는 글자열이 없습니다(글이 너무 적거나 비어 있음)",
    ),
    (
        "add labelled texts: chatp labels import, chatp labels add",
        "라벨을 더 추가하세요: chatp labels import, chatp labels add",
    ),
)
_code(
    "CP-ML-002",
    (
        "The labels hold one class only, or hardly any of the other",
        "라벨이 한 종류뿐이거나 다른 종류가 거의 없습니다",
    ),
    (
        "a model needs texts of both classes from several sources",
        "모델에는 두 종류의 글이 여러 출처에서 필요합니다",
    ),
    (
        "label some more of the missing class: chatp labels review",
        "부족한 쪽의 라벨을 추가하세요: chatp labels review",
    ),
)
_code(
    "CP-ML-003",
    ("The file of the question model holds something else", "질문 모델 파일에 다른 것이 들어 있습니다"),
    ("it was written by another program or version", "다른 프로그램이나 버전이 만든 파일입니다"),
    ("retrain: run the job retrain_question_model", "retrain_question_model 작업으로 다시 학습하세요"),
)
_code(
    "CP-ML-010",
    ("It is not said who decides", "결정한 사람이 적혀 있지 않습니다"),
    ("every label, consent and promotion keeps a name", "라벨, 동의, 승격에는 항상 이름이 남습니다"),
    ("name yourself: --by NAME", "--by 이름 으로 적어 주세요"),
)
_code(
    "CP-ML-011",
    ("There is no version to go back to", "되돌아갈 버전이 없습니다"),
    (
        "no version of this model served before the present one",
        "지금 버전 이전에 사용된 버전이 없습니다",
    ),
    (
        "see `chatp models list`, and promote another version",
        "`chatp models list`를 보고 다른 버전을 승격하세요",
    ),
)
_code(
    "CP-ML-012",
    ("The file of labels cannot be read", "라벨 파일을 읽을 수 없습니다"),
    (
        "it is empty, too large, not text in UTF-8, UTF-16 or CP949, or has no line of the format that was named",
        "비어 있거나, 너무 크거나, UTF-8·UTF-16·CP949 텍스트가 아니거나, 지정한 형식의 줄이 없습니다",
    ),
    (
        "check --format, or save the file as UTF-8 CSV, TSV or JSON lines",
        "--format을 확인하거나 UTF-8 CSV, TSV, JSON Lines로 저장하세요",
    ),
)
_code(
    "CP-ML-013",
    ("The file of labels lacks a column", "라벨 파일에 열이 없습니다"),
    (
        "no header has that name, or the file has fewer columns than the number says",
        "그런 이름의 머리글이 없거나 열의 수가 지정한 번호보다 적습니다",
    ),
    (
        "name columns as the file does (--text, --label), or count from 1 with --no-header",
        "파일의 열 이름을 쓰거나(--text, --label), --no-header와 함께 1부터 센 번호를 쓰세요",
    ),
)
_code(
    "CP-ML-014",
    ("This file was imported before, in another way", "같은 파일을 다른 방식으로 이미 가져왔습니다"),
    (
        "its name, weight, licence or mapping of classes differs from then",
        "이름, 가중치, 라이선스 또는 클래스 대응이 그때와 다릅니다",
    ),
    (
        "add --replace to let this import take the place of that one",
        "--replace를 붙이면 이전 것을 대신합니다",
    ),
)
_code(
    "CP-ML-015",
    ("The file gives no label that could be used", "파일에 사용할 수 있는 라벨이 없습니다"),
    (
        "no line has a text and a class that the mapping knows, or the weight is not above 0 and at most 1",
        "글과 알려진 클래스가 함께 있는 줄이 없거나, 가중치가 0 초과 1 이하가 아닙니다",
    ),
    (
        "look at what was found with --dry-run, and map the classes with --yes and --no",
        "--dry-run으로 확인하고 --yes, --no로 클래스를 지정하세요",
    ),
)
_code(
    "CP-ML-016",
    ("No published message has this id", "그런 id의 메시지가 게시되어 있지 않습니다"),
    (
        "the id is mistyped, or its recording is not published yet",
        "id가 틀렸거나 녹화본이 아직 게시되지 않았습니다",
    ),
    (
        "find it: chatp sql \"select message_id, text from core.messages where text like '%word%'\"",
        "찾기: chatp sql \"select message_id, text from core.messages where text like '%단어%'\"",
    ),
)
_code(
    "CP-ML-017",
    ("There is nothing of this number or name to take back", "그런 번호나 이름의 되돌릴 라벨이 없습니다"),
    (
        "no such correction or import exists, or it was taken back before",
        "없는 라벨이거나 이미 되돌린 것입니다",
    ),
    ("see `chatp labels list`", "`chatp labels list`를 확인하세요"),
)
_code(
    "CP-ML-018",
    ("There are no predictions to review", "검토할 예측이 없습니다"),
    (
        "the published file has no ml.question_predictions: no model has served yet",
        "게시된 파일에 ml.question_predictions가 없습니다. 아직 사용된 모델이 없습니다",
    ),
    (
        "run the job retrain_question_model, then publish",
        "retrain_question_model 작업을 실행한 뒤 게시하세요",
    ),
)
_code(
    "CP-ML-019",
    ("This consent cannot be changed", "이 동의를 변경할 수 없습니다"),
    (
        "the person gave none for this purpose, or withdrew it before",
        "이 목적에 대한 동의가 없거나 이미 철회되었습니다",
    ),
    ("see `chatp consent list`", "`chatp consent list`를 확인하세요"),
)
_code(
    "CP-ML-020",
    ("There is no such version of this model", "이 모델에 그런 버전이 없습니다"),
    ("nothing was saved under this name", "이 이름으로 저장된 것이 없습니다"),
    ("see `chatp models list`", "`chatp models list`를 확인하세요"),
)
_code(
    "CP-ML-021",
    ("The files of a model are damaged", "모델 파일이 손상되었습니다"),
    (
        "a file was changed, cut off, removed or added after the model was saved",
        "저장된 뒤에 파일이 바뀌었거나 잘렸거나 없어졌거나 추가되었습니다",
    ),
    (
        "train again: the same data gives the same version, which replaces the damaged one; "
        "meanwhile the champion before it serves",
        "다시 학습하세요. 같은 데이터는 같은 버전을 만들어 손상된 것을 대신합니다. 그동안 이전 챔피언이 동작합니다",
    ),
)
_code(
    "CP-ML-022",
    (
        "This model was saved by a newer version of the program",
        "더 새로운 버전의 프로그램이 저장한 모델입니다",
    ),
    ("its format is not known here", "여기서는 알 수 없는 형식입니다"),
    ("update chat_platform, or train again", "chat_platform을 업데이트하거나 다시 학습하세요"),
)
_code(
    "CP-ML-023",
    ("A file may not be part of a model", "모델에 포함할 수 없는 파일입니다"),
    (
        "only skops, safetensors, JSON and tokenizer vocabularies are safe to load; pickle is not",
        "skops, safetensors, JSON, 토크나이저 어휘 파일만 안전합니다. pickle은 안 됩니다",
    ),
    ("save the model in one of these formats", "이 형식 중 하나로 저장하세요"),
)
_code(
    "CP-ML-024",
    ("A model names types that are not trusted", "모델에 신뢰할 수 없는 타입이 들어 있습니다"),
    (
        "building them could run code that came with the file",
        "파일에 든 코드가 실행될 수 있습니다",
    ),
    (
        "do not use this file unless you know where it comes from; train again",
        "출처를 모르면 사용하지 말고 다시 학습하세요",
    ),
)
_code(
    "CP-ML-025",
    ("No model can serve", "사용할 수 있는 모델이 없습니다"),
    (
        "no version was promoted yet, or none that was can be loaded",
        "승격된 버전이 없거나 승격된 버전을 불러올 수 없습니다",
    ),
    (
        "train a model, then `chatp models promote MODEL VERSION`",
        "모델을 학습한 뒤 `chatp models promote MODEL VERSION`을 실행하세요",
    ),
)
_code(
    "CP-ML-026",
    ("The version was not promoted", "버전이 승격되지 않았습니다"),
    ("it does not pass the checks of promotion", "승격 검사를 통과하지 못했습니다"),
    (
        'see the checks; `--force --why "…"` overrides them and records who did',
        '검사 결과를 확인하세요. `--force --why "…"`는 검사를 무시하고 누가 했는지 기록합니다',
    ),
)
_code(
    "CP-ML-027",
    ("Models need a lake on a file system", "모델은 파일 시스템의 레이크가 필요합니다"),
    (
        "CHATP_LAKE_URL names an object store, on which a folder cannot be renamed as a whole",
        "CHATP_LAKE_URL이 오브젝트 스토리지를 가리켜 폴더 전체의 이름을 한 번에 바꿀 수 없습니다",
    ),
    ("use a folder for the lake", "레이크로 폴더를 사용하세요"),
)
_code(
    "CP-ML-028",
    ("What was measured of a model cannot be read", "모델의 평가 결과를 읽을 수 없습니다"),
    ("the file has another form than this program writes", "이 프로그램이 쓰는 형식이 아닙니다"),
    ("train and evaluate the model again", "모델을 다시 학습하고 평가하세요"),
)
_code(
    "CP-ML-029",
    ("Overriding the checks needs a reason", "검사를 무시하려면 이유가 필요합니다"),
    ("`--force` was given without `--why`", "`--why` 없이 `--force`를 사용했습니다"),
    ('say why: `--force --why "…"`', '이유를 적으세요: `--force --why "…"`'),
)
_code(
    "CP-ML-030",
    ("There are not enough authors to learn from", "학습할 작성자가 부족합니다"),
    (
        "fewer than two people agreed and wrote enough messages",
        "동의하고 메시지를 충분히 쓴 사람이 두 명보다 적습니다",
    ),
    (
        "wait for more messages or more people who agree; CHATP_AUTHORS__MIN_MESSAGES sets the least number",
        "메시지나 동의한 사람이 늘기를 기다리세요. 최소 수는 CHATP_AUTHORS__MIN_MESSAGES로 정합니다",
    ),
)
_code(
    "CP-ML-031",
    ("The author of this text is not to be guessed", "이 글의 작성자는 추측하지 않습니다"),
    (
        "it was written anonymously, or nobody says that it was not",
        "익명 글이거나 익명이 아니라는 표시가 없습니다",
    ),
    ("nothing: anonymous posts stay anonymous", "할 일이 없습니다. 익명 글은 익명으로 남습니다"),
)
_code(
    "CP-ML-032",
    ("The author model cannot be calibrated", "작성자 모델의 확률을 보정할 수 없습니다"),
    (
        "too few of the messages are from a second or later conversation of their author",
        "작성자의 두 번째 이후 대화에서 온 메시지가 너무 적습니다",
    ),
    ("train again when the class has met more often", "수업이 더 진행된 뒤 다시 학습하세요"),
)
_code(
    "CP-ML-033",
    ("There is nothing to evaluate the author model on", "작성자 모델을 평가할 메시지가 없습니다"),
    (
        "no message of the test is by somebody whom the model knows",
        "평가 메시지 가운데 모델이 아는 사람의 글이 없습니다",
    ),
    ("train again when the class has met more often", "수업이 더 진행된 뒤 다시 학습하세요"),
)
_code(
    "CP-ML-034",
    ("The file is not a whole author model", "온전한 작성자 모델 파일이 아닙니다"),
    ("it is damaged, cut short or of another kind", "손상되었거나 잘렸거나 다른 종류의 파일입니다"),
    (
        "go back to an earlier version (chatp models rollback) or train again",
        "이전 버전으로 되돌리거나(chatp models rollback) 다시 학습하세요",
    ),
)
_code(
    "CP-ML-035",
    ("There is no text to guess about, or too much of it", "추측할 글이 없거나 너무 많습니다"),
    ("no text was given, or the file has too many lines", "글을 주지 않았거나 파일의 줄이 너무 많습니다"),
    ("give texts, or --file with at most 10,000 lines", "글을 주거나 1만 줄 이하의 파일을 --file로 주세요"),
)
_code(
    "CP-ML-037",
    ("The author model does not answer", "작성자 모델이 답하지 않습니다"),
    (
        "somebody whom it knows has withdrawn their consent",
        "이 모델이 아는 사람 중 동의를 철회한 사람이 있습니다",
    ),
    (
        "wait for the next training, or run the job retrain_author_model now",
        "다음 학습을 기다리거나 retrain_author_model 작업을 실행하세요",
    ),
)
_code(
    "CP-ML-040",
    ("The transformer candidate is not installed", "트랜스포머 후보가 설치되지 않았습니다"),
    (
        "PyTorch is an extra of its own, because its default build brings gigabytes; everything else works without",
        "PyTorch는 기본 빌드가 수 GB라서 따로 설치합니다. 나머지는 없어도 모두 동작합니다",
    ),
    (
        "`make transformers`, or pip install 'chat-platform[transformers]'",
        "`make transformers` 또는 pip install 'chat-platform[transformers]'를 실행하세요",
    ),
)
_code(
    "CP-ML-041",
    ("There are not enough labelled texts for a transformer", "트랜스포머가 배울 라벨이 부족합니다"),
    (
        "it needs several different texts of each answer, some of which are held out",
        "각 답마다 서로 다른 글이 여러 개 필요하고 일부는 검증에 쓰입니다",
    ),
    (
        "add labelled texts: chatp labels import, chatp labels add",
        "라벨을 더 추가하세요: chatp labels import, chatp labels add",
    ),
)
_code(
    "CP-ML-042",
    ("The checkpoint cannot be found", "체크포인트를 찾을 수 없습니다"),
    (
        "there is no such folder, or the hub cannot be reached or has no such id",
        "그런 폴더가 없거나 허브에 연결할 수 없거나 허브에 그 아이디가 없습니다",
    ),
    (
        "check CHATP_MODELS__TRANSFORMER_CHECKPOINT (authors: CHATP_MODELS__AUTHOR_CHECKPOINT): a local folder, "
        "or nothing for the own encoder",
        "CHATP_MODELS__TRANSFORMER_CHECKPOINT(작성자 모델: CHATP_MODELS__AUTHOR_CHECKPOINT)에 로컬 폴더를 쓰거나 "
        "비워서 자체 인코더를 쓰세요",
    ),
)
_code(
    "CP-ML-043",
    ("The checkpoint cannot be used", "이 체크포인트는 사용할 수 없습니다"),
    (
        "it lacks safetensors weights or a tokenizer.json, needs code of its own, or is damaged",
        "safetensors 가중치나 tokenizer.json이 없거나, 자체 코드가 필요하거나, 손상되었습니다",
    ),
    (
        "choose another checkpoint, or none for the own encoder",
        "다른 체크포인트를 고르거나 비워서 자체 인코더를 쓰세요",
    ),
)
_code(
    "CP-ML-044",
    ("Training of the transformer went out of bounds", "트랜스포머 학습이 발산했습니다"),
    ("the loss is no finite number any more", "손실이 유한한 수가 아닙니다"),
    (
        "lower the learning rate, or set the precision to float32",
        "학습률을 낮추거나 정밀도를 float32로 설정하세요",
    ),
)
_code(
    "CP-ML-045",
    ("The files are not a whole transformer model", "온전한 트랜스포머 모델 파일이 아닙니다"),
    ("one is missing, damaged, or does not fit the others", "파일이 없거나 손상되었거나 서로 맞지 않습니다"),
    (
        "go back to an earlier version (chatp models rollback) or train again",
        "이전 버전으로 되돌리거나(chatp models rollback) 다시 학습하세요",
    ),
)
_code(
    "CP-WEB-001",
    ("Nothing is here", "찾을 수 없는 페이지입니다"),
    (
        "the address is wrong, or it is not open to you",
        "주소가 틀렸거나 열람 권한이 없습니다",
    ),
    ("go back, or ask an operator of the class", "뒤로 가거나 수업의 운영자에게 문의하세요"),
)
_code(
    "CP-WEB-002",
    ("This needs an account", "로그인이 필요합니다"),
    ("nobody is signed in, or the session has ended", "로그인하지 않았거나 세션이 끝났습니다"),
    ("sign in", "로그인하세요"),
)
_code(
    "CP-WEB-003",
    ("Your role does not allow this", "권한이 없습니다"),
    ("it is for other roles of the class", "수업의 다른 역할에게만 열려 있습니다"),
    ("ask an operator of the class", "수업의 운영자에게 문의하세요"),
)
_code(
    "CP-WEB-004",
    ("The request did not come from our page", "우리 페이지에서 보낸 요청이 아닙니다"),
    (
        "its origin or its token is missing or wrong, perhaps because the page is old",
        "출처나 토큰이 없거나 틀립니다. 오래된 페이지일 수 있습니다",
    ),
    ("reload the page and try again", "페이지를 새로 고친 뒤 다시 시도하세요"),
)
_code(
    "CP-WEB-005",
    ("The request is too large", "요청이 너무 큽니다"),
    ("it holds more than a page of ours ever sends", "페이지가 보낼 수 있는 크기를 넘었습니다"),
    ("send less, or ask the operator to raise the limit", "줄여서 보내거나 운영자에게 한도를 문의하세요"),
)
_code(
    "CP-WEB-006",
    ("The request cannot be used", "요청을 처리할 수 없습니다"),
    ("a value is missing or out of bounds", "값이 없거나 범위를 벗어났습니다"),
    ("correct it and try again", "고쳐서 다시 시도하세요"),
)
_code(
    "CP-WEB-007",
    ("Too many attempts", "시도가 너무 많습니다"),
    ("there were more than anybody needs in so short a time", "짧은 시간에 너무 많이 시도했습니다"),
    ("wait a moment and try again", "잠시 뒤 다시 시도하세요"),
    transient=True,
)
_code(
    "CP-WEB-008",
    ("The app database cannot be reached", "앱 데이터베이스에 연결할 수 없습니다"),
    ("its file or server is missing, locked or damaged", "파일이나 서버가 없거나 잠겼거나 손상되었습니다"),
    (
        "look at `chatp doctor`; the portal goes on by itself once it is back",
        "`chatp doctor`로 확인하세요. 복구되면 포털은 저절로 계속됩니다",
    ),
    transient=True,
)
_code(
    "CP-WEB-009",
    ("The published tables cannot be read", "공개된 테이블을 읽을 수 없습니다"),
    (
        "the file is missing, damaged, or from before a table that this page needs",
        "파일이 없거나 손상되었거나 이 페이지에 필요한 테이블보다 오래되었습니다",
    ),
    ("publish again: chatp publish", "다시 공개하세요: chatp publish"),
    transient=True,
)
_code(
    "CP-WEB-010",
    ("The token opens nothing", "사용할 수 없는 토큰입니다"),
    ("it is unknown, over or revoked", "없는 토큰이거나 만료 또는 폐기되었습니다"),
    ("make a new one under /account/tokens", "/account/tokens에서 새로 만드세요"),
)
_code(
    "CP-WEB-011",
    ("The token is not for this", "토큰의 권한이 부족합니다"),
    ("it lacks the scope that is named here", "표시된 권한(scope)이 토큰에 없습니다"),
    (
        "make a token with this scope under /account/tokens",
        "/account/tokens에서 그 권한이 있는 토큰을 만드세요",
    ),
)
_code(
    "CP-WEB-012",
    ("Login or password is wrong", "아이디 또는 비밀번호가 틀립니다"),
    (
        "there is no such account, the password is another, or the account is closed",
        "계정이 없거나, 비밀번호가 다르거나, 닫힌 계정입니다",
    ),
    ("try again, or ask an operator of the class", "다시 시도하거나 수업의 운영자에게 문의하세요"),
)
_code(
    "CP-WEB-013",
    ("This password is too easy to guess", "너무 쉬운 비밀번호입니다"),
    (
        "it is shorter than ten characters, is among the passwords that are tried first, or is your name",
        "10자보다 짧거나, 가장 먼저 시도되는 비밀번호이거나, 이름이 들어 있습니다",
    ),
    ("take a longer one, for example four unrelated words", "더 길게 정하세요. 예: 서로 관계없는 낱말 네 개"),
)
_code(
    "CP-WEB-014",
    ("This link opens nothing any more", "더 이상 사용할 수 없는 링크입니다"),
    (
        "it was used, revoked or replaced, or it is too old",
        "이미 사용했거나, 취소·교체되었거나, 기한이 지났습니다",
    ),
    (
        "ask an operator for a new invitation; for set-up, start `chatp serve` again",
        "운영자에게 새 초대를 요청하세요. 처음 설정이라면 `chatp serve`를 다시 시작하세요",
    ),
)
_code(
    "CP-WEB-015",
    ("The portal does not listen here without TLS", "TLS 없이는 이 주소에서 열지 않습니다"),
    (
        "`web.host` is not loopback, and `web.base_url` is not an https address of a proxy before it",
        "`web.host`가 루프백이 아닌데 `web.base_url`이 앞단 프록시의 https 주소가 아닙니다",
    ),
    (
        "put a proxy with TLS before it and set `web.base_url`, or set `web.allow_plain_http`",
        "TLS 프록시를 앞에 두고 `web.base_url`을 정하거나 `web.allow_plain_http`를 켜세요",
    ),
)
_code(
    "CP-WEB-016",
    ("The class would have no operator", "운영자가 한 명도 남지 않습니다"),
    ("you are the last one", "마지막 운영자입니다"),
    ("make somebody else an operator first", "먼저 다른 사람을 운영자로 정하세요"),
)
_code(
    "CP-WEB-017",
    ("Signing in elsewhere did not work", "외부 로그인에 실패했습니다"),
    (
        "the provider's answer does not fit what we asked, or is not signed by the provider",
        "공급자의 응답이 요청과 맞지 않거나 공급자의 서명이 아닙니다",
    ),
    ("start again from the sign-in page", "로그인 화면에서 다시 시작하세요"),
)
_code(
    "CP-WEB-018",
    ("The sign-in provider cannot be reached", "외부 로그인 공급자에 연결할 수 없습니다"),
    ("it does not answer, or answers with an error", "응답이 없거나 오류를 보냅니다"),
    ("try again later, or sign in with a password", "나중에 다시 시도하거나 비밀번호로 로그인하세요"),
    transient=True,
)
_code(
    "CP-WEB-019",
    ("This account is not known here yet", "아직 등록되지 않은 계정입니다"),
    (
        "you signed in with the provider, but without an invitation to a class",
        "외부 로그인은 되었지만 수업 초대가 없습니다",
    ),
    ("open your invitation link, then sign in again", "초대 링크를 연 다음 다시 로그인하세요"),
)
_code(
    "CP-WEB-020",
    ("Somebody changed it before you", "다른 사람이 먼저 수정했습니다"),
    (
        "it was edited after you opened it; nothing of yours was written over theirs",
        "페이지를 연 뒤에 내용이 바뀌었습니다. 덮어쓴 것은 없습니다",
    ),
    ("compare both texts, then save again", "두 글을 비교한 다음 다시 저장하세요"),
)
_code(
    "CP-WEB-021",
    ("The text cannot be kept", "글을 저장할 수 없습니다"),
    ("it is empty or too long", "글이 비었거나 너무 깁니다"),
    ("write something, or shorten it", "내용을 쓰거나 줄이세요"),
)
_code(
    "CP-WEB-022",
    ("This second is not in the recording", "녹화에 없는 시각입니다"),
    (
        "it is not of the form 1:02:03, or lies outside of the recording",
        "1:02:03과 같은 꼴이 아니거나 녹화 길이를 벗어났습니다",
    ),
    ("correct the time, or leave it empty", "시각을 고치거나 비워 두세요"),
)
_code(
    "CP-WEB-023",
    ("Only its author or staff may do this", "작성자나 운영진만 할 수 있습니다"),
    ("somebody else wrote it", "다른 사람이 쓴 글입니다"),
    ("ask them, or a teacher", "작성자나 선생님에게 요청하세요"),
)
_code(
    "CP-WEB-024",
    ("Your own answer cannot get your vote", "자신의 답변은 추천할 수 없습니다"),
    ("votes are what others think of it", "추천은 다른 사람의 평가입니다"),
    ("let others judge", "다른 사람의 평가를 기다리세요"),
)
_code(
    "CP-WEB-025",
    ("An answered question stays as it is", "답변이 달린 질문은 바꿀 수 없습니다"),
    ("its answers would speak of something else", "답변이 가리키는 내용이 달라지기 때문입니다"),
    ("ask a new question, or ask staff to remove it", "새로 질문하거나 운영진에게 삭제를 요청하세요"),
)
_code(
    "CP-WEB-026",
    ("Removing somebody's text needs a reason", "다른 사람의 글을 지우려면 이유가 필요합니다"),
    ("the reason is written to the log", "이유는 기록에 남습니다"),
    ("say why", "이유를 적으세요"),
)
_code(
    "CP-WEB-030",
    ("Your account is no person of the class yet", "계정이 아직 수업의 누구인지 연결되지 않았습니다"),
    (
        "this is about what a person wrote, and nothing proves which person you are",
        "한 사람의 기록에 관한 일인데, 본인임을 확인할 근거가 없습니다",
    ),
    (
        "sign in with the Slack account of the class, or ask an operator to link you",
        "수업의 Slack 계정으로 로그인하거나 운영자에게 연결을 요청하세요",
    ),
)
_code(
    "CP-WEB-031",
    ("This round is not open", "진행 중인 문제가 아닙니다"),
    (
        "it was answered, belongs to somebody else, or somebody in it took their consent back",
        "이미 답했거나 다른 사람의 문제이거나, 문제에 나온 사람이 동의를 거두었습니다",
    ),
    ("start another round", "새 문제를 시작하세요"),
)
_code(
    "CP-WEB-032",
    ("The author model is still being loaded", "작성자 모델을 불러오는 중입니다"),
    ("a new version serves, or the portal has just started", "새 버전이 나왔거나 포털이 방금 시작되었습니다"),
    ("try again in a few seconds", "몇 초 뒤 다시 시도하세요"),
    transient=True,
)
_code(
    "CP-WEB-033",
    ("There is no quiz now", "지금은 퀴즈가 없습니다"),
    (
        "too few people agree, or no message that you have not seen yet is left",
        "동의한 사람이 너무 적거나, 아직 보지 않은 메시지가 없습니다",
    ),
    (
        "come back when more people agree and the model was trained again",
        "동의한 사람이 늘고 모델이 다시 학습된 뒤에 오세요",
    ),
)
_code(
    "CP-WEB-040",
    ("The answer needs more memory than the portal has", "포털의 메모리로는 답을 만들 수 없습니다"),
    ("too much was asked for at once", "한 번에 너무 많은 데이터를 요청했습니다"),
    ("ask for less, by a filter or a shorter time", "필터를 쓰거나 기간을 줄여 다시 요청하세요"),
    transient=True,
)
_code(
    "CP-WEB-041",
    ("The portal made a mistake", "포털에서 오류가 발생했습니다"),
    ("this is a defect of ours; it was written to the log", "프로그램의 결함이며 로그에 기록되었습니다"),
    (
        "go back and try again; tell the operator when it stays",
        "뒤로 가서 다시 시도하고, 계속되면 운영자에게 알려 주세요",
    ),
)
_code(
    "CP-WEB-042",
    ("This address cannot be used in this way", "이 주소에서는 쓸 수 없는 요청 방식입니다"),
    ("the method of the request is not one of those that it knows", "지원하지 않는 HTTP 메서드입니다"),
    ("use a method of the header Allow", "Allow 헤더에 있는 메서드를 사용하세요"),
)
_code(
    "CP-WEB-043",
    ("Somebody changed this meanwhile", "그사이 다른 사람이 변경했습니다"),
    ("what the page showed is not what is there now", "페이지에 보이던 내용이 지금과 다릅니다"),
    ("look at it again and decide then", "새로 고친 내용을 확인한 뒤 다시 결정하세요"),
)
_code(
    "CP-WEB-050",
    ("The digest has nowhere to go", "다이제스트를 보낼 곳이 없습니다"),
    (
        "neither a mail server nor a channel of Slack fit for it is set",
        "메일 서버나 다이제스트에 쓸 수 있는 Slack 채널이 설정되어 있지 않습니다",
    ),
    (
        "set CHATP_MAIL__HOST, or CHATP_DIGEST__SLACK_CHANNEL and CHATP_SLACK_TOKEN",
        "CHATP_MAIL__HOST, 또는 CHATP_DIGEST__SLACK_CHANNEL과 CHATP_SLACK_TOKEN을 설정하세요",
    ),
)
_code(
    "CP-WEB-051",
    ("The mail server puts it off", "메일 서버가 나중에 다시 보내라고 합니다"),
    ("it cannot be reached, is busy, or answered 4xx", "연결되지 않거나 바쁘거나 4xx로 답했습니다"),
    ("nothing: the next run sends what is left", "따로 할 일이 없습니다. 다음 실행이 남은 메일을 보냅니다"),
    transient=True,
)
_code(
    "CP-WEB-052",
    ("The mail server refused this recipient", "메일 서버가 이 수신자를 거절했습니다"),
    (
        "it answered 5xx: the address does not exist, or takes no mail",
        "5xx로 답했습니다. 없는 주소이거나 메일을 받지 않는 주소입니다",
    ),
    (
        "let the person correct the address; an operator may send again",
        "주소를 고치게 하세요. 운영자가 다시 보낼 수 있습니다",
    ),
)
_code(
    "CP-WEB-053",
    ("The mail server refuses the portal", "메일 서버가 포털의 접속을 거절했습니다"),
    (
        "login, sender, encryption or certificate is not accepted",
        "로그인, 보내는 주소, 암호화 또는 인증서가 받아들여지지 않았습니다",
    ),
    (
        "correct the settings mail.*; the next run sends what is left",
        "mail.* 설정을 고치세요. 다음 실행이 남은 메일을 보냅니다",
    ),
)
_code(
    "CP-WEB-054",
    ("Nobody knows whether this digest arrived", "이 다이제스트가 도착했는지 알 수 없습니다"),
    (
        "the connection or the process ended after it was handed over and before the answer came",
        "메일을 넘긴 뒤 응답을 받기 전에 연결이나 프로세스가 끝났습니다",
    ),
    (
        "it is not sent twice unasked: ask the recipient, then send it again if it is missing",
        "두 번 보내지 않도록 멈췄습니다. 받았는지 확인하고, 받지 못했으면 다시 보내세요",
    ),
)
_code(
    "CP-WEB-055",
    ("This is no mail address", "메일 주소가 아닙니다"),
    ("it is not of the form name@example.com", "name@example.com과 같은 꼴이 아닙니다"),
    ("correct the address", "주소를 고치세요"),
)
_code(
    "CP-WEB-056",
    ("This link opens nothing", "쓸 수 없는 링크입니다"),
    (
        "it is incomplete, too old, was replaced by a newer one, or belongs to another account",
        "주소가 잘렸거나 오래되었거나, 새 링크로 바뀌었거나 다른 계정의 링크입니다",
    ),
    (
        "open the newest mail, or sign in and look at your digest",
        "가장 최근 메일을 열거나, 로그인해서 구독 상태를 확인하세요",
    ),
)
_code(
    "CP-WEB-057",
    ("There is no digest of this week", "이 주의 다이제스트는 없습니다"),
    ("the week is not over, or the date is no Monday", "아직 끝나지 않은 주이거나 월요일이 아닌 날짜입니다"),
    ("choose a week that is over, by its Monday", "끝난 주를 골라 그 주의 월요일로 적으세요"),
)
_code(
    "CP-WEB-058",
    ("Slack did not take the digest", "Slack에 다이제스트를 올리지 못했습니다"),
    (
        "Slack's answer was an error; its code is beside this one",
        "Slack이 오류로 답했습니다. 코드는 함께 표시됩니다",
    ),
    (
        "look up the code beside it; the next run looks whether it was posted before it posts",
        "함께 표시된 코드를 확인하세요. 다음 실행은 이미 올라갔는지 먼저 살펴봅니다",
    ),
    transient=True,
)
_code(
    "CP-WEB-060",
    ("A tile's description does not hold together", "지표 타일의 정의가 맞지 않습니다"),
    (
        "`meta.tile` of its dbt model lacks something, or names what the model does not have",
        "dbt 모델의 `meta.tile`에 빠진 것이 있거나 모델에 없는 것을 가리킵니다",
    ),
    (
        "correct the model's yml (see chat_platform/web/tiles.py) and check it with `chatp tiles`",
        "모델의 yml을 고치고(chat_platform/web/tiles.py 참고) `chatp tiles`로 확인하세요",
    ),
)
_code(
    "CP-WEB-061",
    ("This is too much for one file", "파일 하나에 담기에는 너무 많습니다"),
    ("the table has more rows than a file may hold", "표의 행이 파일 하나의 한도를 넘습니다"),
    (
        "narrow it by lecture or date, or use `chatp sql`",
        "강의나 날짜로 범위를 좁히거나 `chatp sql`을 사용하세요",
    ),
)
_code(
    "CP-WEB-062",
    ("This file is not a saved chat", "저장한 채팅 파일이 아닙니다"),
    ("it is empty, or holds something other than text", "비어 있거나 텍스트가 아닌 내용이 들어 있습니다"),
    (
        "choose the .txt file that Zoom saved (meeting_saved_chat.txt)",
        "Zoom이 저장한 .txt 파일(meeting_saved_chat.txt)을 선택하세요",
    ),
)
_code(
    "CP-WEB-063",
    ("The date cannot be used", "사용할 수 없는 날짜입니다"),
    ("it is no date, or it has not come yet", "날짜가 아니거나 아직 오지 않은 날입니다"),
    ("enter the day of the meeting as 2026-03-02", "회의한 날을 2026-03-02처럼 입력하세요"),
)
_code(
    "CP-WEB-064",
    ("This upload is not waiting any more", "더 이상 대기 중인 업로드가 아닙니다"),
    (
        "it was confirmed or dropped, or nobody confirmed it in time",
        "이미 확정했거나 취소했거나, 확정 시간이 지났습니다",
    ),
    ("upload the file again", "파일을 다시 올리세요"),
)
_code(
    "CP-WEB-065",
    ("Too many uploads wait to be confirmed", "확정을 기다리는 업로드가 너무 많습니다"),
    ("each waits on the disk until somebody decides", "결정할 때까지 파일이 보관됩니다"),
    ("confirm or drop those that wait", "기다리는 업로드를 확정하거나 취소하세요"),
)

# --- CP-STREAM: streaming platforms, whichever one it is -------------------------------------------------

_code(
    "CP-STREAM-001",
    ("The credentials of a streaming platform are missing", "스트리밍 플랫폼의 인증 정보가 없습니다"),
    (
        "its client id or client secret is not set, or holds other characters than printable ASCII",
        "클라이언트 ID나 시크릿이 설정되지 않았거나 쓸 수 없는 문자가 들어 있습니다",
    ),
    (
        "set CHATP_STREAM_CLIENT_IDS__<PLATFORM> and CHATP_STREAM_CLIENT_SECRETS__<PLATFORM>",
        "CHATP_STREAM_CLIENT_IDS__<플랫폼>과 CHATP_STREAM_CLIENT_SECRETS__<플랫폼>을 설정하세요",
    ),
)
_code(
    "CP-STREAM-002",
    ("The streaming platform refuses the credentials", "스트리밍 플랫폼이 인증 정보를 거절했습니다"),
    (
        "client id and secret do not belong together, or were revoked",
        "클라이언트 ID와 시크릿이 맞지 않거나 취소되었습니다",
    ),
    (
        "look at the application in the platform's developer console and set its id and secret anew",
        "플랫폼의 개발자 콘솔에서 애플리케이션을 확인하고 ID와 시크릿을 다시 설정하세요",
    ),
)
_code(
    "CP-STREAM-003",
    (
        "The streaming platform's limit lasts too long",
        "스트리밍 플랫폼의 요청 한도가 너무 오래 풀리지 않습니다",
    ),
    (
        "its requests are used up for longer than one call may wait",
        "한 호출이 기다릴 수 있는 시간보다 오래 요청 한도가 소진되어 있습니다",
    ),
    (
        "nothing: the next run takes up what is left; see whether another program uses the same credentials",
        "따로 할 일이 없습니다. 다음 실행이 남은 것을 처리합니다. 인증 정보를 함께 쓰는 프로그램이 있는지 보세요",
    ),
    transient=True,
)
_code(
    "CP-STREAM-004",
    ("The streaming platform does not answer", "스트리밍 플랫폼이 응답하지 않습니다"),
    (
        "the network fails, or the platform has a fault (HTTP 5xx)",
        "네트워크 문제이거나 플랫폼 장애(HTTP 5xx)입니다",
    ),
    ("nothing: the next run tries again", "따로 할 일이 없습니다. 다음 실행이 다시 시도합니다"),
    transient=True,
)
_code(
    "CP-STREAM-005",
    ("The streaming platform's answer is damaged", "스트리밍 플랫폼의 응답이 손상되었습니다"),
    (
        "it broke off, or lacks what every such answer holds",
        "도중에 끊겼거나 반드시 있어야 할 내용이 없습니다",
    ),
    (
        "nothing at first; if it stays so, the platform has changed its answers: please report it",
        "우선 할 일이 없습니다. 계속되면 플랫폼의 응답 형식이 바뀐 것이니 알려 주세요",
    ),
    transient=True,
)
_code(
    "CP-STREAM-006",
    ("Paging does not move on", "다음 페이지로 넘어가지 않습니다"),
    ("the platform gives the same cursor again and again", "플랫폼이 같은 커서를 계속 되돌려 줍니다"),
    (
        "nothing: the next run begins at the last good page",
        "따로 할 일이 없습니다. 다음 실행이 마지막 정상 페이지부터 시작합니다",
    ),
    transient=True,
)
_code(
    "CP-STREAM-007",
    ("The video or its chat is gone", "영상이나 그 채팅이 없습니다"),
    (
        "it was deleted, has expired, or is for subscribers only",
        "삭제되었거나 보관 기간이 지났거나 구독자 전용입니다",
    ),
    ("nothing: what was archived before stays", "따로 할 일이 없습니다. 이미 보관한 것은 그대로 남습니다"),
)
_code(
    "CP-STREAM-008",
    ("The streaming platform refuses the request", "스트리밍 플랫폼이 요청을 거절했습니다"),
    ("it answered HTTP 4xx to something that used to work", "되던 요청에 HTTP 4xx로 답했습니다"),
    (
        "see whether the platform has changed its API; please report it",
        "플랫폼의 API가 바뀌었는지 확인하고 알려 주세요",
    ),
)
_code(
    "CP-STREAM-009",
    ("There is no such streaming platform", "그런 스트리밍 플랫폼이 없습니다"),
    ("no adapter has this short name", "이 이름의 어댑터가 없습니다"),
    ("use one of those that docs/configuration.md names", "docs/configuration.md에 있는 이름을 사용하세요"),
)
_code(
    "CP-STREAM-010",
    ("A provider of emotes does not answer as it should", "이모트 제공자의 응답이 올바르지 않습니다"),
    (
        "BTTV, FFZ or 7TV fails or has changed its lists; the emotes of that day are not known",
        "BTTV, FFZ, 7TV에 문제가 있거나 목록 형식이 바뀌었습니다. 그날의 이모트를 알 수 없습니다",
    ),
    (
        "nothing: the list of the day before stands until the next run",
        "따로 할 일이 없습니다. 다음 실행까지 전날의 목록을 사용합니다",
    ),
    transient=True,
)
_code(
    "CP-STREAM-011",
    ("Live chat is no longer heard", "실시간 채팅을 더 이상 받지 못하고 있습니다"),
    (
        "the capture was killed, ended with an error, or has been without a connection for minutes; what is said "
        "meanwhile is lost, unless the stream's recording keeps it",
        "수신 프로세스가 강제 종료되었거나 오류로 끝났거나 몇 분째 연결되지 않았습니다. 그동안의 채팅은 다시보기에 "
        "남지 않으면 사라집니다",
    ),
    (
        "start `chatp streams live` with the same channels again, best by systemd (docs/live-chat.md); if they are "
        "no longer wanted, run `chatp streams forget`",
        "같은 채널로 `chatp streams live`를 다시 시작하세요. systemd 사용을 권합니다(docs/live-chat.md). 더 이상 "
        "필요 없으면 `chatp streams forget`을 실행하세요",
    ),
    transient=True,
)
_code(
    "CP-STREAM-020",
    ("The list of streamers cannot be read", "스트리머 목록을 읽을 수 없습니다"),
    (
        "it is neither Excel nor CSV, or it is damaged or locked with a password",
        "Excel도 CSV도 아니거나, 손상되었거나 암호가 걸려 있습니다",
    ),
    (
        "save it as .xlsx without a password, or as CSV in UTF-8, and try again",
        "암호 없는 .xlsx 또는 UTF-8 CSV로 저장한 뒤 다시 시도하세요",
    ),
)
_code(
    "CP-STREAM-021",
    ("The list of streamers has no column of addresses", "스트리머 목록에 주소 열이 없습니다"),
    (
        "no column is named URL or 주소, and none holds addresses of known platforms",
        "URL이나 주소라는 열이 없고, 알려진 플랫폼의 주소가 든 열도 없습니다",
    ),
    (
        "name the column in `streams.list_columns.url`, by its header or its letter",
        "`streams.list_columns.url`에 머리글이나 열 문자로 열을 지정하세요",
    ),
)
_code(
    "CP-STREAM-022",
    ("The list of streamers is too large", "스트리머 목록이 너무 큽니다"),
    ("a list has at most 20 MB, 200 MB unpacked", "목록은 20 MB, 압축을 풀어 200 MB까지 읽습니다"),
    (
        "check that it is the right file, and leave pictures and other sheets out",
        "올바른 파일인지 확인하고 그림과 다른 시트를 빼세요",
    ),
)

_code(
    "CP-STREAM-023",
    ("There is no such viewer", "그런 시청자가 없습니다"),
    (
        "it is not `<platform>:<id or name>`, or no chat that was read shows the account or name",
        "`<플랫폼>:<id 또는 이름>` 형식이 아니거나, 읽은 채팅에 그 계정이나 이름이 없습니다",
    ),
    (
        "give the account's id, or the name as chats show it: twitch:12345, twitch:somebody",
        "계정 id나 채팅에 보이는 이름을 적으세요. 예: twitch:12345, twitch:somebody",
    ),
)
_code(
    "CP-STREAM-024",
    ("Several accounts had this name", "이 이름을 쓴 계정이 여럿입니다"),
    (
        "a name passes to another account, and on some platforms two may have one",
        "이름은 다른 계정으로 넘어갈 수 있고, 같은 이름을 여럿이 쓰는 플랫폼도 있습니다",
    ),
    ("give the id of the account that is meant", "지우려는 계정의 id를 적으세요"),
)
_code(
    "CP-STREAM-025",
    ("Chat is being listened to", "채팅을 듣는 중입니다"),
    (
        "files that are to be rewritten without somebody are being written to",
        "한 사람을 빼고 다시 써야 할 파일을 지금 쓰고 있습니다",
    ),
    (
        "end `chatp streams live`, give the command again, then listen on",
        "`chatp streams live`를 끝내고 같은 명령을 다시 실행한 뒤 이어서 들으세요",
    ),
    transient=True,
)

# --- CP-TWITCH: formats that only Twitch has -------------------------------------------------------------

_code(
    "CP-TWITCH-001",
    ("The chat file of a video cannot be read", "영상의 채팅 파일을 읽을 수 없습니다"),
    (
        "it is not the JSON that TwitchDownloaderCLI writes, or it is damaged or far too large",
        "TwitchDownloaderCLI가 만든 JSON이 아니거나, 손상되었거나 지나치게 큽니다",
    ),
    (
        "download the chat again (chatdownload --id … -o chat.json) and import that file",
        "채팅을 다시 내려받아(chatdownload --id … -o chat.json) 그 파일을 가져오세요",
    ),
)
_code(
    "CP-TWITCH-002",
    ("No line of the file looks like a stream's chat", "스트림 채팅으로 보이는 줄이 없습니다"),
    (
        "it is empty, no text, or not what TwitchDownloaderCLI writes",
        "비어 있거나 텍스트가 아니거나, TwitchDownloaderCLI가 만든 파일이 아닙니다",
    ),
    (
        "download the chat again as .txt or, better, as .json",
        "채팅을 .txt로, 되도록 .json으로 다시 내려받으세요",
    ),
)
_code(
    "CP-TWITCH-003",
    ("The start of the video is not known", "영상이 시작된 시각을 알 수 없습니다"),
    (
        "the lines of the file count from the start of the video, and nothing says when that was",
        "파일의 시각은 영상 시작부터 센 것인데, 시작한 때를 알 수 없습니다",
    ),
    (
        "say when it began, or download the chat with --timestamp-format UtcFull",
        "시작 시각을 알려 주거나 --timestamp-format UtcFull로 다시 내려받으세요",
    ),
)
_code(
    "CP-TWITCH-004",
    ("The live chat cannot be heard", "실시간 채팅에 접속할 수 없습니다"),
    (
        "the chat server refuses the login, or the connection fails again and again",
        "채팅 서버가 접속을 거절했거나 연결이 계속 끊깁니다",
    ),
    (
        "check the network; what was heard so far is kept, and the gap is listed",
        "네트워크를 확인하세요. 지금까지 받은 채팅은 남아 있고 빈 구간은 기록됩니다",
    ),
    transient=True,
)
_code(
    "CP-TWITCH-005",
    ("Twitch does not give the chat of videos any more", "Twitch가 영상의 채팅을 더 이상 내주지 않습니다"),
    (
        "the query that its web page uses has changed, or it wants proof of a browser",
        "웹 페이지가 쓰는 쿼리가 바뀌었거나 브라우저임을 증명하라고 합니다",
    ),
    (
        "import files of TwitchDownloaderCLI meanwhile; please report it",
        "그동안은 TwitchDownloaderCLI 파일을 가져오고, 알려 주세요",
    ),
)
