"""A class that has no streams hears nothing of them."""

from __future__ import annotations

from tests.web.conftest import SignIn
from tests.web.hostile import Page
from tests.web.test_hostile_pages import page_of
from tests.web.test_streams import EMOTES, STREAMERS


def test_a_class_without_streams_hears_nothing_of_them(sign_in: SignIn) -> None:
    client = sign_in("student")
    links = page_of(client, "/c/class/lectures").links
    assert not {STREAMERS, EMOTES} & set(links)
    assert not [
        link for link in page_of(client, "/c/class/tiles").links if "/tiles/stream" in link or "emote" in link
    ]
    english = {"accept-language": "en"}
    for address, asset in ((STREAMERS, "core/channels"), (EMOTES, "core/emote_uses")):
        page = Page(client.get(address, headers=english).text)
        assert "This asset has not run" in page.text
        assert asset in page.text
        assert page.islands == []
