"""The forms of saved chats that were seen, and the defects that earlier parsers of them had."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from chat_platform.errors import InputError
from chat_platform.sources.zoom.saved_chat import (
    Dialect,
    ParsedSavedChat,
    SavedFile,
    detect_dialect,
    parse_saved_chat,
)
from tests.cost import growth, within

from .chats import DAY, SEOUL, every_line_is_accounted_for


def parse(
    text: str | bytes,
    *,
    name: str = "chat.txt",
    day: date | None = DAY,
    start: time | None = None,
) -> ParsedSavedChat:
    data = text.encode("utf-8") if isinstance(text, str) else text
    parsed = parse_saved_chat([SavedFile(name, data)], conversation_id="c1", day=day, zone=SEOUL, start=start)
    assert every_line_is_accounted_for(parsed)
    return parsed


def said(parsed: ParsedSavedChat) -> list[tuple[str, str | None, str]]:
    return [(m.author_name, m.recipient_name, m.text) for m in parsed.messages]


def clocks(parsed: ParsedSavedChat) -> list[str]:
    return [f"{m.sent_at.astimezone(SEOUL):%d %H:%M:%S}" for m in parsed.messages]


def chat(*bodies: str, names: tuple[str, ...] = ("Kim Ga", "Lee Na", "Park Da")) -> str:
    """Records of V2, a second apart, by the names in turn."""
    lines = []
    for index, body in enumerate(bodies):
        tabbed = body.replace("\n", "\n\t")
        clock = f"10:{index // 60:02d}:{index % 60:02d}"
        lines.append(f"{clock} From {names[index % len(names)]} to Everyone:\n\t{tabbed}\n")
    return "".join(lines)


# --- headers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sender", "recipient", "text"),
    [
        ("15:00:49\t From  Kim Ga : hello", "Kim Ga", None, "hello"),
        ("15:00:49\t From Kim Ga to Everyone : hello", "Kim Ga", None, "hello"),
        ("15:00:49 From Kim Ga:hello", "Kim Ga", None, "hello"),
        ("16:20:25 From  Kim Ga  to  Lee Na(Privately) : only you", "Kim Ga", "Lee Na", "only you"),
        ("16:20:25\t From Kim Ga to Lee Na (Direct Message) : only you", "Kim Ga", "Lee Na", "only you"),
        ("15:00:49\t 발신자 20241234 김가나 : 안녕하세요", "20241234 김가나", None, "안녕하세요"),
        ("16:20:25\t De  user : Hi!", "user", None, "Hi!"),
        ("16:20:25\t Von  X  an  Y : hallo", "X", "Y", "hallo"),
        ("9:20:25 From Kim Ga To everyone: early", "Kim Ga", None, "early"),
        ("10:00:00 From Road to Learn to Everyone : hi", "Road to Learn", None, "hi"),
        ("10:00:00 From A to B to C(Direct Message) : hi", "A to B", "C", "hi"),
        ("10:00:00 From Team: A to Everyone : see: this", "Team: A", None, "see: this"),
        (
            "10:00:00 From Ava (she/her) 😀 to Everyone : to Everyone : x",
            "Ava (she/her) 😀",
            None,
            "to Everyone : x",
        ),
    ],
)
def test_a_one_line_header_gives_sender_receiver_and_text(
    line: str, sender: str, recipient: str | None, text: str
) -> None:
    parsed = parse(line + "\n")
    assert said(parsed) == [(sender, recipient, text)]
    assert parsed.messages[0].visibility == ("everyone" if recipient is None else "direct")


@pytest.mark.parametrize(
    ("header", "sender", "recipient"),
    [
        ("10:12:40 From Kim Ga to Everyone:", "Kim Ga", None),
        ("10:12:40 From  Kim Ga  to  Everyone:", "Kim Ga", None),
        ("10:12:55 From Kim Ga to Lee Na(Direct Message):", "Kim Ga", "Lee Na"),
        ("10:12:55 From Kim Ga to Lee Na:", "Kim Ga", "Lee Na"),
        ("10:13:02 발신자 김가나_온라인 수신자 모두에게:", "김가나_온라인", None),
        ("10:13:02 발신자 20241234 김가나 수신자 모두에게:", "20241234 김가나", None),
        ("10:13:02 발신자 김가나 수신자 이나라(다이렉트 메시지):", "김가나", "이나라"),
        ("10:13:02 시작 김가나 받는 사람 모두:", "김가나", None),
        ("10:13:02 От Имя Фамилия кому Все:", "Имя Фамилия", None),
        ("10:13:02 Від Ім'я до Всі:", "Ім'я", None),
        ("10:13:02 Von Max Muster an Alle:", "Max Muster", None),
        ("10:13:02 De Ana María a Todos:", "Ana María", None),
        ("10:13:02 開始 田中 に 全員:", "田中", None),
        ("2026-03-02 10:13:02 От Имя Фамилия кому Все:", "Имя Фамилия", None),
        ("10:13:02 From A : B to Everyone:", "A : B", None),
    ],
)
def test_a_block_header_gives_sender_and_receiver(header: str, sender: str, recipient: str | None) -> None:
    assert said(parse(f"{header}\n\tfirst line\n\tsecond line\n")) == [
        (sender, recipient, "first line\nsecond line")
    ]


@pytest.mark.parametrize(
    ("header", "sender", "clock"),
    [
        ("김가나 님이 모두에게:    오전 8:46", "김가나", "02 08:46:00"),
        ("김가나/3팀 님이 모두에게:    오후 12:05", "김가나/3팀", "02 12:05:00"),
        ("김가나 님이 모두에게: 오전 12:05", "김가나", "02 00:05:00"),
        ("김가나 님이 모두에게:    8:46 PM", "김가나", "02 20:46:00"),
        ("from Kim Ga to Everyone:    1:05 PM", "Kim Ga", "02 13:05:00"),
    ],
)
def test_the_chat_window_shows_minutes_of_a_twelve_hour_clock(header: str, sender: str, clock: str) -> None:
    parsed = parse(f"{header}\n안녕하세요\n두 번째 줄\n")
    assert said(parsed) == [(sender, None, "안녕하세요\n두 번째 줄")]
    assert clocks(parsed) == [clock]


def test_the_chat_window_names_the_receiver_of_a_direct_message() -> None:
    parsed = parse("김가나 님이 이나라에게:    오전 8:46\n비밀\n")
    assert said(parsed) == [("김가나", "이나라", "비밀")]
    assert parsed.messages[0].visibility == "direct"


def test_offsets_of_a_cloud_recording_count_from_the_start_in_the_file_name() -> None:
    data = (
        b"00:58:04\tKim Ga:\thello there\r\n"
        b'00:59:10\tVon Berg:\tReplying to "hello the..."\r\r\n\r\nyes\r\n'
        b"25:00:00 Lee Na:\tlong meeting\r\n"
    )
    parsed = parse(data, name="GMT20230702-233000_Recording.txt", day=None)
    assert parsed.started_at == datetime(2023, 7, 2, 23, 30, tzinfo=UTC)
    assert [m.offset_s for m in parsed.messages] == [3484.0, 3550.0, 90000.0]
    assert parsed.messages[1].sent_at == datetime(2023, 7, 3, 0, 29, 10, tzinfo=UTC)
    assert parsed.messages[1].parent_id == parsed.messages[0].message_id
    assert [m.text for m in parsed.messages] == ["hello there", "yes", "long meeting"]


def test_offsets_without_a_known_start_count_from_midnight_and_say_so() -> None:
    parsed = parse("00:10:00\tKim Ga:\thello\n")
    assert clocks(parsed) == ["02 00:10:00"]
    assert parsed.report.warnings == ["start_not_known"]
    assert clocks(parse("00:10:00\tKim Ga:\thello\n", start=time(19, 0))) == ["02 19:10:00"]


def test_dialects_and_locales_may_be_mixed_in_one_file() -> None:
    parsed = parse(
        "10:00:00\t From Kim Ga to Everyone : one\n"
        "10:00:01 발신자 이나라 수신자 모두에게:\n\t둘\n"
        "2026-03-02 10:00:02 От Имя кому Все:\n\tтри\n"
        "박다라 님이 모두에게:    오전 10:01\n넷\n"
    )
    assert [m.text for m in parsed.messages] == ["one", "둘", "три", "넷"]
    assert parsed.report.files[0].dialects == {"V1": 1, "V2": 1, "V3": 1, "G": 1}


def test_the_dialect_of_a_file_is_that_of_most_of_its_headers() -> None:
    assert detect_dialect("10:00:00\t From Kim : hi\n") is Dialect.V1
    assert detect_dialect(chat("hi", "ho")) is Dialect.V2
    assert detect_dialect("2026-03-02 10:00:00 From Kim to Everyone:\n\thi\n") is Dialect.V3
    assert detect_dialect("00:00:01\tKim:\thi\n") is Dialect.V4
    assert detect_dialect("김가나 님이 모두에게: 오전 8:46\n안녕\n") is Dialect.G
    with pytest.raises(InputError, match="CP-FILE-003"):
        detect_dialect("no chat at all\n")


def test_a_file_without_receivers_is_not_misled_by_receiver_words_in_texts() -> None:
    parsed = parse(
        "10:00:00\t From  Kim Ga : hello\n"
        "10:00:01\t From  Lee Na : I said it to Everyone: really\n"
        "10:00:02\t From  Road to Learn : I will tell Bob to wait:\n"
        "10:00:03\t From  Kim Ga  to  Lee Na(Privately) : psst\n"
        "10:00:04\t From  Lee Na : ok\n"
    )
    assert said(parsed) == [
        ("Kim Ga", None, "hello"),
        ("Lee Na", None, "I said it to Everyone: really"),
        ("Road to Learn", None, "I will tell Bob to wait:"),
        ("Kim Ga", "Lee Na", "psst"),
        ("Lee Na", None, "ok"),
    ]


# --- bodies ----------------------------------------------------------------------------------------------


def test_a_pasted_program_keeps_its_lines_and_its_indentation() -> None:
    code = "def f(x):\n    if x:\n\n\t\treturn x\n    return None"
    assert parse(chat(code)).messages[0].text == code
    assert parse(f"10:00:00 From Kim to Everyone : {code}\n").messages[0].text == code
    assert parse(f"00:00:01\tKim:\t{code}\n").messages[0].text == code


def test_a_pasted_block_may_hold_lines_without_tab_and_blank_lines() -> None:
    parsed = parse(
        "10:00:00 From Kim to Everyone:\n\n\tfirst\nno tab here\n\n\tlast\n\n10:00:01 From Lee to Everyone:\n\tnext\n"
    )
    assert [m.text for m in parsed.messages] == ["first\nno tab here\n\nlast", "next"]
    assert parsed.report.lines_by_kind["message"] == 9


def test_real_dots_at_the_end_of_a_text_stay() -> None:
    parsed = parse(chat("뭐라구요....", 'Replying to "뭐라구요...."\n\n음...'))
    assert [m.text for m in parsed.messages] == ["뭐라구요....", "음..."]
    assert parsed.messages[1].parent_id == parsed.messages[0].message_id
    assert not parsed.messages[1].ambiguous_parent


def test_a_line_of_more_than_64_kib_is_read_whole() -> None:
    long = "가" * 100_000
    assert parse(f"10:00:00 From Kim to Everyone : {long}\n").messages[0].text == long


# --- quotes ----------------------------------------------------------------------------------------------

LONG = "그래서 저는 다른사람이 분석한거 먼저 보고 시작했어요"


@pytest.mark.parametrize(
    ("target", "reaction", "emoji"),
    [
        ("좋은 아침이예요!", 'Reacted to "좋은 아침이예요!" with 🙌', "🙌"),
        (LONG, f'Reacted to "{LONG[:20]}..." with 👏🏻', "👏🏻"),
        (LONG, f'Reacted to "{LONG[:17]}…" with ❤️', "❤️"),
        ("hello there", 'Reacted to hello th... with "👍"', "👍"),
        ('he said "x" with 👍 and left', 'Reacted to "he said "x" with 👍 an..." with 👩‍💻', "👩‍💻"),
        ("one\n\ttwo   three", 'Reacted to "one two three" with 🇰🇷', "🇰🇷"),
        ("one\ntwo three four five", 'Reacted to "one\ntwo three four f..." with 👍', "👍"),
        ("Привет", 'Реакция на "Привет" с помощью 👍', "👍"),
    ],
)
def test_a_reaction_finds_the_text_that_it_quotes(target: str, reaction: str, emoji: str) -> None:
    parsed = parse(chat("something else", target, reaction))
    assert [(r.message_id, r.emoji, r.reactor_name, r.ambiguous_target) for r in parsed.reactions] == [
        (parsed.messages[1].message_id, emoji, "Park Da", False)
    ]


@pytest.mark.parametrize(
    ("target", "reply", "text"),
    [
        (LONG, f'Replying to "{LONG[:20]}..."\n\n네 맞아요\n두 번째 줄', "네 맞아요\n두 번째 줄"),
        (
            "Hello world, this message is long",
            'Replying to "Hello world, this me..." Hello there!',
            "Hello there!",
        ),
        ("hello", "Reply to «hello»:\nyes", "yes"),
        ("hello", "Replying to «hello»:\nyes", "yes"),
        ("Привет всем", "Ответ на «Привет всем»:\nда", "да"),
        ("Привіт", 'Відповідь на "Привіт"\n\nтак', "так"),
        ('a "b" c', 'Replying to "a "b" c"\n\nhe said "no"', 'he said "no"'),
        ("hello", 'Replying to "hello" he said "yes"\nand left', 'he said "yes"\nand left'),
        ("one\ntwo three four five", 'Replying to "one\ntwo three four f..."\n\nsix', "six"),
    ],
)
def test_a_reply_finds_the_text_that_it_quotes_and_keeps_its_own(target: str, reply: str, text: str) -> None:
    parsed = parse(chat("something else", target, reply))
    answer = parsed.messages[2]
    assert (answer.kind, answer.text, answer.parent_id) == ("reply", text, parsed.messages[1].message_id)


@pytest.mark.parametrize(
    "text",
    [
        'Reacted to "hello',
        'Reacted to "hello" with',
        'Reacted to "hello with 👍',
        'Reacted to "hello" with great joy',
        "Replying to my own question",
        'Replying to "hello',
        'Replying to "hello"',
        'Removed a 👍 reaction from "hello',
        "Removed a line from my code",
        "add salt",
        "remove it",
    ],
)
def test_a_text_that_only_begins_like_a_quote_is_a_message(text: str) -> None:
    parsed = parse(chat("hello", text))
    assert [(m.kind, m.text) for m in parsed.messages] == [("message", "hello"), ("message", text)]


def test_a_target_is_found_however_far_back_it_is_and_by_its_beginning_only() -> None:
    bodies = ["what is a monad, exactly?", *[f"line {n} about a monad" for n in range(400)]]
    parsed = parse(
        chat(*bodies, 'Reacted to "what is a monad, exa..." with 👍', 'Reacted to "a monad" with 👍')
    )
    assert [r.message_id for r in parsed.reactions] == [parsed.messages[0].message_id]
    assert [(q.reason, q.position) for q in parsed.quarantined] == [("reaction_target_not_found", 805)]


def test_of_two_equal_texts_the_nearest_earlier_is_taken_and_flagged() -> None:
    parsed = parse(chat("네", "네", 'Reacted to "네" with 👍', 'Replying to "네"\n\n왜요?', "네"))
    assert parsed.reactions[0].message_id == parsed.messages[1].message_id
    assert parsed.reactions[0].ambiguous_target
    assert parsed.messages[2].parent_id == parsed.messages[1].message_id
    assert parsed.messages[2].ambiguous_parent
    assert parsed.report.ambiguous == 2


def test_a_whole_quote_prefers_the_equal_text_to_a_nearer_longer_one() -> None:
    parsed = parse(chat("hello", "hello world", 'Reacted to "hello" with 👍'))
    assert parsed.reactions[0].message_id == parsed.messages[0].message_id
    assert not parsed.reactions[0].ambiguous_target


def test_a_reaction_to_a_reply_finds_its_text_with_or_without_the_head() -> None:
    parsed = parse(
        chat(
            "who is there?",
            'Replying to "who is there?"\n\nnobody at all',
            'Reacted to "nobody at all" with 👍',
            'Reacted to "Replying to "who is ..." with 🙌',
        )
    )
    assert [r.message_id for r in parsed.reactions] == [parsed.messages[1].message_id] * 2


def test_a_public_reaction_is_not_tied_to_a_direct_message_of_the_same_text() -> None:
    parsed = parse(
        "10:00:00 From Kim to Everyone:\n\t네\n"
        "10:00:01 From Lee to Park(Direct Message):\n\t네\n"
        '10:00:02 From Choi to Everyone:\n\tReacted to "네" with 👍\n'
        '10:00:03 From Park to Lee(Direct Message):\n\tReacted to "네" with 👍\n'
    )
    assert [r.message_id for r in parsed.reactions] == [m.message_id for m in parsed.messages]
    assert not any(r.ambiguous_target for r in parsed.reactions)


def test_a_removal_takes_back_the_senders_latest_such_reaction_only() -> None:
    target = "plt.rcParams['font.family'] = 'Malgun Gothic'"
    quote = f'"{target[:20]}..."'
    parsed = parse(
        chat(
            target,
            f"Reacted to {quote} with ❤️",
            f"Reacted to {quote} with ❤️",
            f"Reacted to {quote} with 👍",
            f"Reacted to {quote} with ❤",
            f"Removed a ❤ reaction from {quote}",
            names=("Kim Ga", "Lee Na", "Park Da", "Lee Na", "Lee Na", "Lee Na"),
        )
    )
    assert [(r.reactor_name, r.emoji, r.removed) for r in parsed.reactions] == [
        ("Lee Na", "❤️", False),
        ("Park Da", "❤️", False),
        ("Lee Na", "👍", False),
        ("Lee Na", "❤", True),
    ]
    assert parsed.removals == 1


def test_a_removal_without_such_a_reaction_is_quarantined() -> None:
    parsed = parse(chat("hello", 'Reacted to "hello" with 👍', 'Removed a 👍 reaction from "hello"'))
    assert [q.reason for q in parsed.quarantined] == ["removal_target_not_found"]
    assert not parsed.reactions[0].removed


def test_a_russian_removal_is_understood() -> None:
    parsed = parse(
        "2026-03-02 10:00:00 От Анна кому Все:\n\tПривет\n"
        '2026-03-02 10:00:01 От Борис кому Все:\n\tРеакция на "Привет" с помощью 👍\n'
        '2026-03-02 10:00:02 От Борис кому Все:\n\tЭлемент 👍 удален из "Привет"\n'
    )
    assert [r.removed for r in parsed.reactions] == [True]


def test_early_builds_react_to_the_message_just_before() -> None:
    parsed = parse(chat("one", "two", "add 👍", "add ☝️", "remove 👍", names=("A", "B", "C", "C", "C")))
    assert [(r.message_id, r.emoji, r.removed) for r in parsed.reactions] == [
        (parsed.messages[1].message_id, "👍", True),
        (parsed.messages[1].message_id, "☝️", False),
    ]


def test_a_reply_whose_quote_is_not_found_stays_a_reply() -> None:
    parsed = parse(chat('Replying to "gone..."\n\nbut still here'))
    assert [(m.kind, m.text, m.parent_id) for m in parsed.messages] == [("reply", "but still here", None)]
    assert parsed.report.replies_without_parent == 1


# --- what cannot be used ---------------------------------------------------------------------------------


def test_what_cannot_be_used_goes_to_quarantine_with_its_line() -> None:
    parsed = parse(
        "Chat of the meeting\n\n"
        "10:00:00 From Kim to Everyone:\n\thello\n"
        "25:00:00 From Kim to Everyone:\n\tno such hour\n"
        "10:00:01 From Kim to Everyone:\n\t\n"
        "10:00:02 From  : nobody\n"
    )
    assert [(q.reason, q.position) for q in parsed.quarantined] == [
        ("text_before_first_header", 1),
        ("bad_time", 5),
        ("empty_body", 7),
        ("no_sender", 9),
    ]
    assert parsed.report.lines_by_kind["quarantine"] == 7
    assert parsed.counts()["records"] == 5


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "CP-FILE-001"),
        (b" \r\n\t\n", "CP-FILE-001"),
        (b"\xef\xbb\xbf", "CP-FILE-001"),
        (b"\xff\xfe\xff\xff\x81", "CP-FILE-002"),
        (bytes(range(128, 256)) * 3, "CP-FILE-002"),
        (b"just a note\n", "CP-FILE-003"),
    ],
)
def test_a_file_that_is_no_chat_gives_a_coded_error(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data)
    assert caught.value.code == code


def test_no_file_at_all_gives_a_coded_error() -> None:
    with pytest.raises(InputError, match="CP-FILE-001"):
        parse_saved_chat([], conversation_id="c1", day=DAY, zone=SEOUL)


def test_a_file_that_is_too_large_gives_a_coded_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_platform.sources.zoom.saved_chat.MAX_BYTES", 10)
    with pytest.raises(InputError, match="CP-FILE-005"):
        parse(chat("hello"))


# --- dates -----------------------------------------------------------------------------------------------


def test_without_any_date_the_error_says_what_to_pass() -> None:
    with pytest.raises(InputError, match="--date") as caught:
        parse(chat("hello"), day=None)
    assert caught.value.code == "CP-FILE-004"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2026-03-02 19.00.00 Data class/meeting_saved_chat.txt", "2026-03-02"),
        ("C:\\Zoom\\2026-03-02 09.00.00 강의\\chat.txt", "2026-03-02"),
        ("chat 2026-03-02.txt", "2026-03-02"),
        ("GMT20260301-230000_Recording.txt", "2026-03-02"),
    ],
)
def test_the_date_comes_from_the_name_of_file_or_folder(name: str, expected: str) -> None:
    parsed = parse(chat("hello"), name=name, day=None)
    assert parsed.messages[0].sent_at.astimezone(SEOUL).date().isoformat() == expected
    assert parsed.report.date_origin == "name"


def test_a_dated_folder_gives_title_start_and_offsets() -> None:
    parsed = parse(chat("hello"), name="2026-03-02 09.30.00 Data class/meeting_saved_chat.txt", day=None)
    assert parsed.title == "Data class"
    assert parsed.started_at == datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
    assert parsed.messages[0].offset_s == 1800.0


def test_dated_headers_give_the_date_and_a_given_date_that_differs_is_refused() -> None:
    text = (
        "2026-03-02 23:59:59 From Kim to Everyone:\n\tone\n2026-03-03 00:00:10 From Lee to Everyone:\n\ttwo\n"
    )
    assert clocks(parse(text, day=None)) == ["02 23:59:59", "03 00:00:10"]
    assert clocks(parse(text, day=date(2026, 3, 2))) == ["02 23:59:59", "03 00:00:10"]
    with pytest.raises(InputError, match="CP-FILE-006"):
        parse(text, day=date(2026, 3, 9))


def test_a_given_date_that_differs_from_the_folder_is_taken_and_noted() -> None:
    parsed = parse(chat("hello"), name="2026-03-09 09.00.00 X/chat.txt", day=DAY)
    assert clocks(parsed) == ["02 10:00:00"]
    assert parsed.report.warnings == ["date_differs_from_name"]


def test_midnight_adds_a_day_and_small_steps_back_do_not() -> None:
    times = ("22:00:00", "21:59:58", "23:59:59", "00:00:01", "23:59:58", "00:00:03", "02:00:00")
    parsed = parse("".join(f"{clock} From Kim to Everyone : at {clock}\n" for clock in times))
    assert clocks(parsed) == [
        "02 22:00:00",
        "02 21:59:58",
        "02 23:59:59",
        "03 00:00:01",
        "02 23:59:58",
        "03 00:00:03",
        "03 02:00:00",
    ]


def test_a_part_that_begins_after_midnight_belongs_to_the_next_day() -> None:
    before = b"22:00:00 From Kim to Everyone : one\n23:59:00 From Lee to Everyone : two\n"
    after = b"00:01:00 From Kim to Everyone : three\n01:00:00 From Lee to Everyone : four\n"
    for files in ((before, after), (after, before), (before + after,)):
        saved = [SavedFile(f"{n}.txt", data) for n, data in enumerate(files)]
        parsed = parse_saved_chat(saved, conversation_id="c1", day=DAY, zone=SEOUL)
        assert clocks(parsed) == ["02 22:00:00", "02 23:59:00", "03 00:01:00", "03 01:00:00"]


# --- several files ---------------------------------------------------------------------------------------


def test_a_reaction_finds_its_target_in_the_other_part() -> None:
    first, second = (
        chat("hello everybody out there"),
        '11:00:00 From Lee Na to Everyone:\n\tReacted to "hello everybody out ..." with 👍\n',
    )
    files = [SavedFile("2.txt", second.encode()), SavedFile("1.txt", first.encode())]
    parsed = parse_saved_chat(files, conversation_id="c1", day=DAY, zone=SEOUL)
    assert parsed.reactions[0].message_id == parsed.messages[0].message_id
    assert parsed.quarantined == []


def test_a_message_said_twice_in_a_second_is_there_twice_and_its_copies_are_not() -> None:
    twice = b"10:00:00 From Kim to Everyone : yes\n10:00:00 From Kim to Everyone : yes\n"
    once = b"10:00:00 From Kim to Everyone : yes\n10:00:09 From Lee to Everyone : no\n"
    parsed = parse_saved_chat(
        [SavedFile("a", twice), SavedFile("b", once)], conversation_id="c1", day=DAY, zone=SEOUL
    )
    assert [m.text for m in parsed.messages] == ["yes", "yes", "no"]
    assert len({m.message_id for m in parsed.messages}) == 3
    assert parsed.duplicates == 1


def test_the_clients_log_and_the_saved_chat_of_one_meeting_count_once() -> None:
    saved = "2026-03-02 10:00:02 From Kim to Everyone:\n\thello\n2026-03-02 10:00:30 From Lee to Everyone:\n\tbye\n"
    log = '10:00:00\t From Kim to Everyone : hello\n10:00:09\t From Lee to Everyone : Reacted to "hello" with 👍\n'
    parsed = parse_saved_chat(
        [SavedFile("meeting_saved_new_chat.txt", saved.encode()), SavedFile("chat.txt", log.encode())],
        conversation_id="c1",
        day=DAY,
        zone=SEOUL,
    )
    assert [m.text for m in parsed.messages] == ["hello", "bye"]
    assert len(parsed.reactions) == 1
    assert parsed.duplicates == 1


def test_copies_with_private_messages_of_their_own_are_woven_in_time() -> None:
    public = {0: "one", 10: "two", 20: "three"}

    def copy(private: dict[int, str]) -> bytes:
        lines = [(at, f"10:00:{at:02d} From Kim to Everyone : {text}") for at, text in public.items()]
        lines += [
            (at, f"10:00:{at:02d} From Kim to Lee(Direct Message) : {text}") for at, text in private.items()
        ]
        return "\n".join(text for _, text in sorted(lines)).encode()

    files = [SavedFile("a", copy({5: "a5", 25: "a25"})), SavedFile("b", copy({3: "b3", 7: "b7"}))]
    parsed = parse_saved_chat(files, conversation_id="c1", day=DAY, zone=SEOUL)
    assert [m.text for m in parsed.messages] == ["one", "b3", "a5", "b7", "two", "three", "a25"]
    assert parsed.duplicates == 3


# --- time ------------------------------------------------------------------------------------------------

HEAD = b"10:00:00 From Kim to Everyone : "


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"a" * 10_000_000,
        HEAD + "가나다 ".encode() * 1_000_000,
        HEAD + b" to" * 3_300_000,
        HEAD + b" " * 10_000_000 + b"x",
        b"10:00:00 From" + b" " * 10_000_000,
        b"10:00:00" + b"\t" * 10_000_000 + b"x",
        HEAD + b'Replying to "' + b'"' * 10_000_000,
        HEAD + b'Reacted to "' + b'" with ' * 1_400_000,
        HEAD + b"Removed a " + b" reaction from " * 650_000,
        "김 님이 ".encode() * 900_000 + "에게: 오전 8:46".encode(),
    ],
    ids=["a", "korean", "to", "blanks", "no name", "tabs", "quotes", "with", "from", "window"],
)
def test_a_line_of_ten_megabytes_is_read_in_two_seconds(data: bytes) -> None:
    def read() -> None:
        try:
            parse(data)
        except InputError as error:
            assert error.code == "CP-FILE-003"

    # The bound of the requirement; on an idle machine each takes about a tenth of it.
    assert within(2, read)


def _read_quotes(messages: int) -> None:
    lines = []
    for index in range(messages):
        clock = f"{9 + index // 36_000 % 12:02d}:{index // 600 % 60:02d}:{index // 10 % 60:02d}"
        body = (
            "ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ"
            if index % 2
            else f'Reacted to "ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ{index % 7}..." with 👍'
        )
        lines.append(f"{clock} From Kim Ga {index % 40} to Everyone:\n\t{body}\n")
    data = "".join(lines).encode()
    parsed = parse_saved_chat([SavedFile("x", data)], conversation_id="c1", day=DAY, zone=SEOUL)
    assert parsed.records == messages


def test_quotes_among_equal_texts_take_time_that_grows_with_the_file_only() -> None:
    _read_quotes(500)
    # A search over earlier messages would be ten times as dear for each.
    assert growth(_read_quotes, 4_000, factor=10, times=2) < 3
