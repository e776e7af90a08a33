"""The transformer candidate of the question model.

What belongs here: the names that others use. What does not: PyTorch, which is imported when a model
is trained or loaded.
"""

from chat_platform.ml.encoder.extra import available, require
from chat_platform.ml.encoder.progress import OnProgress, Progress
from chat_platform.ml.encoder.settings import EncoderSize, TransformerSettings
from chat_platform.ml.questions.transformer.model import KIND, TransformerQuestionModel, load, save
from chat_platform.ml.questions.transformer.training import discard_states, train

__all__ = [
    "KIND",
    "EncoderSize",
    "OnProgress",
    "Progress",
    "TransformerQuestionModel",
    "TransformerSettings",
    "available",
    "discard_states",
    "load",
    "require",
    "save",
    "train",
]
