"""Without PyTorch the candidate says so, and nothing else needs it."""

from __future__ import annotations

import subprocess
import sys

# Blocks the package as if it had never been installed.
_WITHOUT = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "torch" or name.startswith("torch."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""
_USE = """
from pathlib import Path
from chat_platform.errors import ModelError
from chat_platform.ml.encoder import batches, extra, progress, settings, vocabulary
from chat_platform.ml.questions.transformer import calibration, model, training
assert not extra.available()
def code(call):
    try:
        call()
    except ModelError as error:
        return error.code
print(code(lambda: training.train(["a"], [True], work_folder=Path("nowhere"))))
print(code(lambda: model.load({})))
reader = vocabulary.Reader(vocabulary.learn_vocabulary(["과제 있나요"] * 4, 400), 16)
print(len(reader.read(["과제 있나요"])[0].ids) > 3)
"""
_IMPORTS = """
import sys
from chat_platform.ml.encoder import extra, progress, settings
from chat_platform.ml.questions.transformer import model, training
extra.available()
print(sorted({"torch", "transformers", "tokenizers"} & set(sys.modules)))
"""


def _run(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_training_and_loading_name_the_extra_and_the_rest_works() -> None:
    assert _run(_WITHOUT + _USE) == ["CP-ML-040", "CP-ML-040", "True"]


def test_importing_the_candidate_imports_none_of_the_heavy_packages() -> None:
    assert _run(_IMPORTS) == ["[]"]
