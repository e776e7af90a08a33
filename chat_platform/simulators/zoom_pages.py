"""The HTML that the Zoom simulator serves. Nothing in it comes from outside.

What belongs here: pages as text. What does not: deciding which page somebody gets (``zoom_server``).

The share page holds ``window.recordingMobilePlayData`` (a JavaScript object literal, not JSON) and a passcode form
(``#passcode``, ``#passcode_btn``) that its script shows when one is needed. ``#message`` says what happened, for
people and, in ``data-state``, for tests: ``loading``, ``need-password``, ``wrong-passcode``, ``not-found``,
``play-forbidden``, ``error`` or ``playing``.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from string import Template


@dataclass(frozen=True)
class Markup:
    """Names in the pages that change when Zoom redesigns them (fault ``markup_changed``)."""

    data: str = "recordingMobilePlayData"
    meeting: str = "meetingId"
    file: str = "fileId"
    field: str = "passcode"
    button: str = "passcode_btn"


USUAL = Markup()
CHANGED = Markup("__recordingState", "mid", "clipRef", "pc-input", "pc-submit")

_FRAME = Template("""<!DOCTYPE html>
<html lang="ko">
<head>
<meta charset="utf-8">
<title>$title - Zoom</title>
<link rel="icon" href="data:,">
<style>
body { font-family: sans-serif; margin: 4rem auto; max-width: 36rem; }
input, button { font-size: 1rem; padding: .5rem; }
</style>
$script
</head>
<body>
$body
</body>
</html>
""")

_DATA = Template("""<script>
window.$data = {
    $meeting: '$meeting_id',
    $file: '$file_id',
    nwsDomain: '',
    siteName: 'Zoom',
    locale: 'ko-KR',
    isLogin: false
};
</script>""")

_SHARE_BODY = Template("""<main>
<h1>Zoom 클라우드 녹화</h1>
<p id="message" role="status" data-state="loading">불러오는 중입니다</p>
<form id="password_form" hidden>
<label for="$field">이 녹화를 보려면 암호를 입력하세요</label>
<input id="$field" type="password" autocomplete="off">
<button id="$button" type="submit">녹화 보기</button>
</form>
</main>
<script>
(function () {
    var state = window.$data;
    var api = '/nws/recording/1.0/';
    var query = '?originDomain=' + encodeURIComponent(location.hostname) + '&accessLevel=meeting';
    var pwd = new URLSearchParams(location.search).get('pwd');
    if (pwd) { query += '&pwd=' + encodeURIComponent(pwd); }
    var form = document.getElementById('password_form');
    var field = document.getElementById('$field');
    var action = 'viewdetailpage';
    var kind = 'meeting';

    function say(name, text) {
        var message = document.getElementById('message');
        message.dataset.state = name;
        message.textContent = text;
    }
    function ask(url, options) {
        return fetch(url, options).then(function (answer) {
            if (!answer.ok) { throw new Error('HTTP ' + answer.status); }
            return answer.json();
        });
    }
    function failed(error) { say('error', '문제가 생겼습니다: ' + error.message); }
    function open() {
        return ask(api + 'play/share-info/' + encodeURIComponent(state.$meeting) + query).then(function (answer) {
            var result = answer.result || {};
            if (!answer.status) { say('not-found', answer.errorMessage); return; }
            if (result.componentName === 'play-forbidden') { say('play-forbidden', result.message); return; }
            if (result.componentName === 'need-password') {
                kind = result.useWhichPasswd;
                action = result.action;
                form.hidden = false;
                say('need-password', '암호가 필요합니다');
                return;
            }
            say('opening', '녹화를 여는 중입니다');
            location.href = result.redirectUrl;
        }).catch(failed);
    }
    form.addEventListener('submit', function (event) {
        event.preventDefault();
        var name = kind === 'recording' ? 'validate-passwd' : 'validate-' + kind + '-passwd';
        var body = new URLSearchParams({ id: state.$meeting, passwd: field.value, action: action, recaptcha: '' });
        ask(api + name, { method: 'POST', body: body }).then(function (answer) {
            if (answer.status) { return open(); }
            say(answer.errorCode === 3302 ? 'wrong-passcode' : 'not-found', answer.errorMessage);
        }).catch(failed);
    });
    open();
})();
</script>""")

_PLAY_BODY = Template("""<main>
<h1>$title</h1>
<p id="message" role="status" data-state="playing">녹화 재생</p>
<video controls></video>
</main>""")

# FNV-1a over the nonce: cheap for a browser, absent for whoever runs no scripts.
_CHALLENGE = Template("""<script>
(function () {
    var nonce = '$nonce';
    var hash = 2166136261;
    for (var i = 0; i < nonce.length; i += 1) {
        hash = Math.imul(hash ^ nonce.charCodeAt(i), 16777619);
    }
    document.cookie = '$cookie=' + (hash >>> 0).toString(16) + '; path=/';
    location.reload();
})();
</script>""")


def share_page(meeting_id: str, markup: Markup = USUAL) -> str:
    """Page behind a share link."""
    names = {**vars(markup), "meeting_id": meeting_id, "file_id": ""}
    return _frame("녹화", _DATA.substitute(names), _SHARE_BODY.substitute(names))


def play_page(title: str, meeting_id: str, file_id: str, markup: Markup = USUAL) -> str:
    """Page that plays a recording; its ``fileId`` leads to ``play/info``. It asks for nothing by itself."""
    names = {**vars(markup), "meeting_id": meeting_id, "file_id": file_id}
    return _frame(title, _DATA.substitute(names), _PLAY_BODY.substitute(title=html.escape(title)))


def challenge_page(nonce: str, cookie: str) -> str:
    """Page that holds no data but a script, which sets a cookie and comes again."""
    body = "<noscript>이 페이지를 보려면 JavaScript가 필요합니다.</noscript>"
    return _frame("잠시만 기다려 주세요", _CHALLENGE.substitute(nonce=nonce, cookie=cookie), body)


def answer_to(nonce: str) -> str:
    """The cookie's value that the challenge page computes."""
    value = 2166136261
    for character in nonce:
        value = ((value ^ ord(character)) * 16777619) & 0xFFFFFFFF
    return f"{value:x}"


def bot_wall() -> str:
    """Page that somebody gets who is taken for a robot: no data, no script."""
    return _frame("잠시만 기다려 주세요", "", "<p>브라우저를 확인하고 있습니다. 잠시 후 다시 시도하세요.</p>")


def message_page(text: str, state: str) -> str:
    """Page that says why there is nothing to see."""
    body = f'<p id="message" data-state={json.dumps(state)}>{html.escape(text)}</p>'
    return _frame("녹화", "", body)


def _frame(title: str, script: str, body: str) -> str:
    return _FRAME.substitute(title=html.escape(title), script=script, body=body)
