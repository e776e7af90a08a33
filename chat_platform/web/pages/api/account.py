"""Who the token belongs to, and the classes that it opens."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from chat_platform.web.pages.api.common import AnyToken, ApiModel, ApiRoute

router = APIRouter(route_class=ApiRoute, tags=["account"])


class ClassOfAccount(ApiModel):
    """A class of the account."""

    class_id: str = Field(description="Short name, part of every address below `/c/`.", examples=["class"])
    title: str
    role: str = Field(description="`student`, `teacher` or `operator`.", examples=["student"])
    person_id: str | None = Field(description="Person of the class that the account is, once proven.")


class OwnAccount(ApiModel):
    """The account behind a request."""

    account_id: int = Field(examples=[7])
    login: str = Field(examples=["kim@example.com"])
    name: str = Field(examples=["김하늘"])
    scopes: list[str] | None = Field(
        description="What the token may do; null for a session.", examples=[["read:lectures"]]
    )
    classes: list[ClassOfAccount]


@router.get("/me", response_model=OwnAccount)
def me(visit: AnyToken) -> dict[str, object]:
    """The account behind the token or session, and its classes."""
    account = visit.account
    return {
        "account_id": account.account_id,
        "login": account.login,
        "name": account.name,
        "scopes": None if account.scopes is None else sorted(account.scopes),
        "classes": [
            {
                "class_id": room.class_id,
                "title": room.title,
                "role": account.members[room.class_id].role,
                "person_id": account.members[room.class_id].person_id,
            }
            for room in visit.services.classes.values()
            if room.class_id in account.members
        ],
    }
