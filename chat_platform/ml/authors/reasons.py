"""Why no name is given, and what evidence is, in words.

What belongs here: the reasons of ``Guess`` in both languages, for whoever shows a guess. What does not: the reasons
themselves (``model``), how a guess looks (``cli.who``, ``web``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat_platform.ml.authors.model import Guess


HOW_OMITTED = (
    "What spoke for somebody: words without which they would be less likely, left out one at a time",
    "근거는 하나씩 뺐을 때 그 사람일 가능성이 낮아지는 단어입니다",
)
"""English and Korean; of evidence with ``Guess.by_omission``."""


def why_unknown(guess: Guess) -> tuple[str, str] | None:
    """English and Korean; ``None`` when a name is given."""
    if guess.reason is None:
        return None
    if guess.reason == "unsure" and guess.threshold >= 1:
        return "so few texts never give anybody away", "이만큼의 글로는 아무도 특정할 수 없습니다"
    return {
        "too_little_text": ("too little text", "글이 너무 짧습니다"),
        "too_long": (
            "too long: a paste tells nothing",
            "너무 깁니다. 붙여 넣은 글로는 알 수 없습니다",
        ),
        "unfamiliar": ("unlike anything it has learnt", "학습한 글과 너무 다릅니다"),
        "unsure": (
            f"nobody reaches {guess.threshold:.0%}",
            f"확률이 {guess.threshold:.0%}에 이르는 사람이 없습니다",
        ),
    }[guess.reason]
