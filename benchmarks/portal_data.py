"""A published file of any size, with the tables that the portal reads.

What belongs here: rows made by DuckDB itself from numbers, in the order in which the loader and dbt leave them. What
does not: measuring (``web_load``). Tables and columns are those of a published file that the graph made, so that what
is measured is what is published; only the rows are generated.

    python benchmarks/portal_data.py TEMPLATE_HOME NEW_HOME --lectures 10000
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import duckdb

from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace

MESSAGES = 1_000
PEOPLE = 300
LECTURES_A_DAY = 6
MINUTES = 167
WORDS = 60
SPEAKERS = 40
QUESTIONS = 30
TOP = 10
TOPICS = 10

_MACROS = f"""
create temp macro conversation(i) as
    'zoom-' || strftime(date '2019-01-01' + (i // {LECTURES_A_DAY})::integer, '%Y%m%d')
    || '-' || substr(md5(i::varchar), 1, 12);
create temp macro day(i) as date '2019-01-01' + (i // {LECTURES_A_DAY})::integer;
create temp macro start(i) as
    timestamptz '2019-01-01 00:00:00+00' + to_hours((i // {LECTURES_A_DAY}) * 24 + (i % {LECTURES_A_DAY}) * 3);
create temp macro message(i, n) as
    substr(md5(i::varchar), 1, 6) || '-' || n || '-' || substr(md5((i * 7919 + n)::varchar), 1, 24);
create temp macro title(i) as '[녹화본 공유] ' || strftime(day(i), '%m.%d') || ' 수업 ' || i;
create temp macro person(n) as 'person-' || (n % {PEOPLE});
create temp macro name(n) as
    ['김하나', '박두리', '이세온', '최네모', '정다솜', '강여름'][1 + n % 6] || (n % {PEOPLE});
create temp macro word(n) as
    ['함수', '변수', '반복문', '클래스', '파이썬', '데이터', '모델', '학습', '오류', '설치', '행렬',
        '손실'][1 + n % 12] || (n // 12);
create temp macro link(i) as 'https://zoom.example/rec/share/' || md5(i::varchar);
create temp macro opened(i, s) as link(i) || '?startTime=' || (epoch(start(i)) + s)::bigint * 1000;
create temp macro said(i, n) as
    ['안녕하세요', '이 부분에서 오류가 나는데 어떻게 하나요?', '감사합니다 ㅎㅎ', '저도 같은 오류예요',
        'import torch 하면 되나요', '네 들립니다']
    [1 + (i + n) % 6] || ' ' || word(i + n) || ' ' || n;
"""

_INSERTS = {
    "core.conversations": """
        select conversation(i) as conversation_id, 'zoom' as source, 'recording' as kind, title(i) as title,
            day(i) as conversation_date, start(i) as started_at, 10000 as duration_s, link(i) as link,
            'parsed' as state, 0 as attempts
        from range({lectures}) as l(i)""",
    "core.messages": """
        select message(i, n) as message_id, 'zoom' as source, conversation(i) as conversation_id,
            if(n % 7 = 3, 'reply', 'message') as kind, n as position, name(i + n * 7) as author_name,
            'id-' || (i + n * 7) % {people} as identity_id, start(i) + to_seconds(n * 10) as sent_at,
            n * 10 as offset_s, said(i, n) as text, said(i, n) as clean_text, 'ko' as language,
            if(n % 7 = 3, message(i, n - 1), null) as parent_id,
            if(n % 211 = 0, 'direct', 'everyone') as visibility, false as edited, n % 307 = 0 as removed,
            false as ambiguous_parent
        from range({lectures}) as l(i), range({messages}) as m(n) order by i, n""",
    "core.reactions": """
        select 'r' || i || '-' || n as reaction_id, 'zoom' as source, conversation(i) as conversation_id,
            message(i, n) as message_id, ['👍', '❤️', '😂'][1 + n % 3] as emoji, 1 + n % 4 as "count",
            false as removed, false as ambiguous_target
        from range({lectures}) as l(i), range(0, {messages}, 8) as m(n) order by i, n""",
    "core.people": """
        select person(n) as person_id, name(n) as name, if(n < 3, 'teacher', 'student') as role, false as is_bot,
            false as is_admin, 'slack' as origin from range({people}) as p(n)""",
    "core.identities": """
        select 'id-' || n as identity_id, 'zoom' as system, name(n) as identity_key, name(n) as display_name,
            person(n) as person_id, 'exact' as state, false as locked from range({people}) as p(n)""",
    "intermediate.int_participants": """
        select 'id-' || n as identity_id, person(n) as participant_id, person(n) as person_id, name(n) as name,
            if(n < 3, 'teacher', 'student') as role, false as is_bot from range({people}) as p(n)""",
    "intermediate.int_chat_spans": """
        select conversation(i) as conversation_id, start(i) as first_at, start(i) + to_seconds(9990) as last_at
        from range({lectures}) as l(i) order by i""",
    "marts.lectures": """
        select conversation(i) as conversation_id, 'zoom' as source, 'recording' as kind, day(i) as lecture_date,
            title(i) as title, start(i) as started_at, 10000 as duration_s, link(i) as link, 'parsed' as state,
            850 as messages, 142 as replies, 21000 as characters, 300 + i % 50 as reactions, {speakers} as speakers,
            8 as left_out, 0 as quarantined, start(i) as first_at, start(i) + to_seconds(9990) as last_at
        from range({lectures}) as l(i) order by i""",
    "marts.lecture_minutes": """
        select conversation(i) as conversation_id, m as minute,
            day(i) as lecture_date, (i + m * m) % 13 as messages,
            (i + m * m) % 9 as speakers from range({lectures}) as l(i), range({minutes}) as t(m) order by i, m""",
    "marts.lecture_peaks": """
        select conversation(i) as conversation_id, p + 1 as peak, day(i) as lecture_date, title(i) as title,
            p * 40 + 20 as from_minute, p * 40 + 24 as to_minute, p * 40 + 21 as minute,
            start(i) + to_seconds((p * 40 + 21) * 60) as first_at,
            30 - p as messages, 15 as speakers, 4 as baseline,
            7.5 as ratio, p + 1 as rank, opened(i, (p * 40 + 21) * 60) as link
        from range({lectures}) as l(i), range(3) as t(p) order by i, p""",
    "marts.lecture_words": """
        select conversation(i) as conversation_id, word(i + w) as lemma, day(i) as lecture_date, title(i) as title,
            200 - w as occurrences, w + 1 as rank
        from range({lectures}) as l(i), range({words}) as t(w) order by i, w""",
    "marts.lecture_speakers": """
        select conversation(i) as conversation_id, person(i + s) as participant_id, day(i) as lecture_date,
            title(i) as title, person(i + s) as person_id, name(i + s) as name,
            'student' as role, 30 - s // 2 as messages,
            4 as replies, 500 as characters, 9 as reactions_received, s + 1 as rank
        from range({lectures}) as l(i), range({speakers}) as t(s) order by i, s""",
    "marts.top_messages": """
        select message(i, r * 8) as message_id, 'zoom' as source, conversation(i) as conversation_id,
            title(i) as conversation_title, day(i) as local_date, start(i) + to_seconds(r * 80) as sent_at,
            person(i + r) as participant_id, person(i + r) as person_id,
            name(i + r) as name, said(i, r * 8) as text,
            20 - r as reactions, 2 as emojis, i * {top} + r as rank, r + 1 as rank_in_conversation,
            opened(i, r * 80) as link
        from range({lectures}) as l(i), range({top}) as t(r) order by i, r""",
    "marts.lecture_questions": """
        select message(i, q * 31 + 1) as message_id, conversation(i) as conversation_id, day(i) as lecture_date,
            title(i) as title, start(i) + to_seconds((q * 31 + 1) * 10) as asked_at, (q * 31 + 1) * 10 as offset_s,
            person(i + q) as participant_id, person(i + q) as person_id, name(i + q) as name, 'student' as role,
            said(i, q * 31 + 1) as text, 'model' as found_by, 'linear-1' as model_version, 0.9 as probability,
            if(q % 3 = 0, 'open', 'answered') as state, if(q % 3 = 0, null, 'chat') as answered_in,
            false as is_endorsed, if(q % 3 = 0, null, 'reply') as answer_basis,
            if(q % 3 = 0, 0, 1) as answers, 0 as portal_answers, opened(i, (q * 31 + 1) * 10) as link
        from range({lectures}) as l(i), range({questions}) as t(q) order by i, q""",
    "ml.question_predictions": """
        select conversation(i) as conversation_id, message(i, n) as message_id, 'question' as model_name,
            'linear-1' as model_version, (i * 31 + n * 17) % 1000 / 1000 as probability, 0.5 as threshold,
            n % 31 = 1 and n // 31 < {questions} as is_question
        from range({lectures}) as l(i), range({messages}) as m(n) order by i, n""",
    "ml.question_groups": """
        select message_id, first_value(message_id) over (partition by pair order by asked_at) as group_id,
            0.9 as similarity
        from (
            select message_id, asked_at, if(place % 4 = 1, place - 1, place) as pair
            from (select *, row_number() over (order by asked_at, message_id) as place from marts.lecture_questions)
        ) order by message_id""",
    "marts.similar_questions": """
        select g.group_id, g.group_id as representative_id, min(q.text) as text, count(*) as questions,
            count(distinct conversation_id) as lectures, count(distinct participant_id) as askers,
            min(asked_at) as first_asked_at, max(asked_at) as last_asked_at,
            count(*) filter (where state = 'answered') as answered_questions,
            bool_or(state = 'answered') as is_answered, 0.9 as least_similarity
        from ml.question_groups as g inner join marts.lecture_questions as q on q.message_id = g.message_id
        group by g.group_id having count(*) > 1""",
    "marts.open_questions": """
        select message_id, conversation_id, lecture_date, title, asked_at,
            offset_s, participant_id, person_id, name,
            role, text, found_by, probability, link from marts.lecture_questions where state = 'open'""",
    "marts.question_summary": """
        select conversation(i) as conversation_id, day(i) as lecture_date,
            title(i) as title, 'linear-1' as model_version,
            992 as messages, {questions} as asked, 0 as asked_on_portal, 0.03 as share, 20 as askers,
            20 as answered, 10 as answered_by_teacher,
            0 as answered_by_staff, 10 as answered_by_student,
            0 as likely_answered, 0 as answered_on_portal, 10 as still_open, 60 as median_s
        from range({lectures}) as l(i) order by i""",
    "marts.question_topics": """
        select conversation(i) as scope, word(i + w) as lemma,
            conversation(i) as conversation_id, day(i) as lecture_date,
            title(i) as title, 9 - w // 2 as questions, 3 as other_messages,
            1.5 as log_odds, 4.0 as z_score, w + 1 as rank
        from range({lectures}) as l(i), range({topics}) as t(w) order by i, w""",
    "marts.daily_activity": """
        select day(i * {a_day}) as local_date, 5952 + i % 100 as messages,
            5900 as zoom_messages, 52 as slack_messages,
            120 as speakers from range({lectures} // {a_day}) as l(i) order by i""",
    "marts.participation_daily": """
        select person(n) as participant_id, day(i * {a_day}) as local_date, person(n) as person_id, name(n) as name,
            12 as messages, 3 as replies, 300 as characters, 4 as reactions_given, 5 as reactions_received,
            3 as lectures, 0.004 as share_of_day
        from range({lectures} // {a_day}) as l(i), range({people}) as p(n) order by i, n""",
    "marts.participation_trend": """
        select person(n) as participant_id, person(n) as person_id, name(n) as name, day(0) as first_date,
            day({lectures}) as last_written_date, 1600 as lecture_days, 1200 as active_days, 30000 - n as messages,
            0.1 as slope_per_day, 9.5 as average_last_4, 8.5 as average_previous_4, n % 4 as silent_lecture_days,
            0 as days_silent from range({people}) as p(n)""",
    "marts.talkers": """
        select person(n) as participant_id, person(n) as person_id, name(n) as name, 30000 - n as messages,
            29000 - n as zoom_messages, 1000 as slack_messages, n + 1 as rank from range({people}) as p(n)""",
    "marts.reacted": """
        select person(n) as participant_id, person(n) as person_id, name(n) as name, 3000 - n as reactions,
            2900 - n as zoom_reactions, 100 as slack_reactions, n + 1 as rank from range({people}) as p(n)""",
    "marts.reactors": """
        select person(n) as participant_id, person(n) as person_id, name(n) as name, 3000 - n as reactions,
            2900 - n as zoom_reactions, 100 as slack_reactions, n + 1 as rank from range({people}) as p(n)""",
    "marts.teacher_responses": """
        select person(0) as participant_id, conversation(i) as conversation_id,
            person(0) as person_id, name(0) as name,
            'recording' as kind, day(i) as conversation_date, 20 as responses,
            40 as median_s, 120 as p90_s, 4 as fastest_s
        from range({lectures}) as l(i) order by i""",
    "marts.person_words": """
        select person(n) as participant_id, word(n + w) as lemma, person(n) as person_id, name(n) as name,
            900 - w as occurrences, 0.01 as share,
            w + 1 as rank from range({people}) as p(n), range(100) as t(w)""",
}


def publish(template: Path, home: Path, lectures: int) -> Path:
    """Publish generated tables in a home.

    Args:
        template: home with a published file that the graph made.
        home: home that gets the file; made where missing.
        lectures: each has ``MESSAGES`` messages.

    Returns:
        The file.
    """
    pattern = Workspace(Settings(home=template)).publication.current().path
    build = home / "warehouse" / "generated.duckdb"
    build.parent.mkdir(parents=True, exist_ok=True)
    build.unlink(missing_ok=True)
    counts = {
        "lectures": lectures,
        "messages": MESSAGES,
        "people": PEOPLE,
        "minutes": MINUTES,
        "words": WORDS,
        "speakers": SPEAKERS,
        "questions": QUESTIONS,
        "top": TOP,
        "topics": TOPICS,
        "a_day": LECTURES_A_DAY,
    }
    with duckdb.connect(str(build)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{pattern}' as pattern (read_only)")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'pattern'"
        ).fetchall():
            connection.execute(f"create schema if not exists {schema}")
            rows = "" if schema == "meta" else "limit 0"
            connection.execute(f"create table {schema}.{table} as from pattern.{schema}.{table} {rows}")
        views = connection.execute(
            "select schema_name, sql from duckdb_views() where database_name = 'pattern' and not internal"
        ).fetchall()
        connection.execute("detach pattern")
        # Each layer of the metrics reads those before it.
        for layer in ("staging", "intermediate", "marts"):
            connection.execute(f"create schema if not exists {layer}")
            for view in (sql for schema, sql in views if schema == layer):
                connection.execute(view)
        for statement in filter(str.strip, _MACROS.split(";\n")):
            connection.execute(statement)
        for table, select in _INSERTS.items():
            connection.execute(f"insert into {table} by name {select.format(**counts)}")
        connection.execute("checkpoint")
    workspace = Workspace(Settings(home=home))
    version, _ = workspace.publication.publish(build)
    return version.path


def main() -> None:
    """Publish a file and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("template", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--lectures", type=int, default=10_000)
    given = parser.parse_args()
    shutil.rmtree(given.home, ignore_errors=True)
    began = time.monotonic()
    path = publish(given.template, given.home, given.lectures)
    size = path.stat().st_size / 1e6
    seconds = time.monotonic() - began
    sys.stdout.write(f"{given.lectures * MESSAGES:,} messages, {size:,.0f} MB, {seconds:.0f} s: {path}\n")


if __name__ == "__main__":
    main()
