"""Who would say this? The author model: training, guessing, keeping.

What belongs here: the model as the platform uses it. What does not: which messages may be learnt from
(``dataset``), how good it is (``evaluate``), versions and promotion (``registry``).

It is a game and a test of privacy, no identification service: it knows people who agreed only, it answers with
several names and probabilities or says that it does not know, and it never looks at an anonymous post. That is
held by type: a text must come as ``NamedText``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from chat_platform.errors import ModelError
from chat_platform.ml.authors.calibration import (
    LEAST_GROUPS,
    SIZES,
    Asked,
    Calibration,
    Scaling,
    calibrate,
    fit_second_shares,
    mixed_askings,
)
from chat_platform.ml.authors.dataset import later_conversations, text_problem
from chat_platform.ml.authors.explain import Evidence, evidence_for, left_out
from chat_platform.ml.authors.linear import Machines, parts
from chat_platform.ml.authors.naming import Lessons
from chat_platform.ml.authors.readings import CHARACTERS, ENCODER, Characters, Embeddings, Reading, Voice
from chat_platform.ml.authors.style import StyleFeatures
from chat_platform.ml.encoder import embedding
from chat_platform.ml.encoder.embedding import TextEncoder
from chat_platform.ml.registry.formats import dump_arrays, load_arrays
from chat_platform.settings import AuthorRules

FORMAT = 2
FILE = "author.safetensors"
KINDS: dict[str, tuple[str, ...]] = {
    "characters": (CHARACTERS,),
    "encoder": (ENCODER,),
    "characters_encoder": (CHARACTERS, ENCODER),
}
"""Kind of model → how it reads a text."""
_LATER = 0.25
"""Share of the training rows on which probabilities are calibrated."""
_HIDDEN = 0.2
"""Share of the authors who play strangers when the threshold is learnt."""
_ASKINGS = 6_000
_SAMPLE = 400
_FAMILIAR = 0.25
"""Share of known n-grams that is enough, also where a class says much the same every day."""


@dataclass(frozen=True)
class NamedText:
    """A text whose author showed their name when writing it, or made up to play with."""

    text: str


@dataclass(frozen=True)
class AnonymousText:
    """A text whose author chose to stay unnamed. No model may look at it."""

    text: str


@dataclass(frozen=True)
class Candidate:
    """Somebody who may have written it.

    Attributes:
        person_id: who.
        probability: calibrated, among the people whom the model knows.
        evidence: what spoke for them, the strongest first.
    """

    person_id: str
    probability: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Guess:
    """What the model says of one or several texts of one author.

    Attributes:
        candidates: the likeliest first; empty when the texts say nothing.
        unknown: no name should be given (모름).
        reason: why not: ``too_little_text``, ``too_long``, ``unfamiliar`` (writing unlike all that was learnt)
            or ``unsure``; ``None`` when a name is given.
        threshold: least probability at which a name is given for so many texts.
        used: texts that were looked at.
        by_omission: the evidence is words without which the person would be less likely, one left out at a time; an
            encoder's vector cannot be taken apart. Otherwise it is what n-grams added, of all that they added.
    """

    candidates: tuple[Candidate, ...]
    unknown: bool
    reason: str | None
    threshold: float
    used: int
    by_omission: bool = False


class AuthorModel:
    """A trained author model.

    Attributes:
        persons: ids of the people it knows, sorted.
        rules: as it was trained.
        training_rows: messages that it learnt from.
    """

    def __init__(
        self,
        *,
        persons: Sequence[str],
        log_shares: np.ndarray,
        features: StyleFeatures,
        voices: Mapping[str, Voice],
        calibration: Calibration,
        least_familiar: float,
        rules: AuthorRules,
        training_rows: int,
    ) -> None:
        self.persons = tuple(persons)
        self.rules = rules
        self.training_rows = training_rows
        self._log_shares = log_shares
        self._features = features
        self._voices = dict(voices)
        self._calibration = calibration
        self._least_familiar = least_familiar

    @property
    def kind(self) -> str:
        """One of ``KINDS``."""
        return "_".join(self._voices)

    @property
    def encoder(self) -> TextEncoder | None:
        """The encoder that it reads texts with, if it does."""
        voice = self._voices.get(ENCODER)
        return voice.reading.encoder if voice and isinstance(voice.reading, Embeddings) else None

    @property
    def second_shares(self) -> dict[int, float]:
        """Messages pooled → how much the encoder counts beside the characters, where both are read."""
        return dict(zip(SIZES, self._calibration.second_shares, strict=True)) if len(self._voices) > 1 else {}

    def guess(self, texts: Sequence[NamedText], top: int = 5) -> Guess:
        """Who would say this?

        Args:
            texts: of one author; several are pooled.
            top: candidates at most.

        Raises:
            ModelError: CP-ML-031 for a text that is not ``NamedText``.
        """
        words = [_named(text) for text in texts]
        problems = [text_problem(text, self.rules) for text in words]
        used = [number for number, problem in enumerate(problems) if problem is None]
        if not used:
            return Guess((), True, next(iter(problems), None) or "too_little_text", 1.0, 0)
        known = [words[number] for number in used]
        rows = self._rows(known)
        everything = [np.arange(len(known))]
        scores = self._scores(rows, everything, len(known))
        probabilities = self._probabilities(scores, len(known), np.array([sum(map(len, known))]))[0]
        threshold = min(self._calibration.threshold(len(known)), 1.0)
        order = np.argsort(-probabilities, kind="stable")[:top]
        if self.encoder is None:
            evidence = self._evidence(words, used, rows[CHARACTERS], order)
        else:
            evidence = self._evidence_by_omission(words, used, rows, scores[0], order)
        candidates = tuple(
            Candidate(self.persons[author], float(probabilities[author]), why)
            for author, why in zip(order, evidence, strict=True)
        )
        reason = self._doubt(known, float(probabilities.max()))
        omission = self.encoder is not None
        return Guess(candidates, reason is not None, reason, threshold, len(known), by_omission=omission)

    def probabilities(self, bundles: Sequence[Sequence[NamedText]]) -> np.ndarray:
        """Of each person of ``persons``, for many askings at once; float64 of shape (bundles, persons).

        Texts that say nothing are not left out here. An asking without any text gets equal shares of nothing:
        the shares that the people have of all messages.

        Raises:
            ModelError: CP-ML-031 for a text that is not ``NamedText``.
        """
        words = [_named(text) for texts in bundles for text in texts]
        ends = np.cumsum([0, *(len(texts) for texts in bundles)])
        groups = [np.arange(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]
        found = np.zeros((len(bundles), len(self.persons)))
        features = self._rows(words)
        sizes = np.diff(ends)
        lengths = np.concatenate(([0], np.cumsum([len(text) for text in words])))
        characters = lengths[ends[1:]] - lengths[ends[:-1]]
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            scores = self._scores(features, [groups[row] for row in rows], int(size))
            found[rows] = self._probabilities(scores, int(size), characters[rows])
        return found

    def threshold(self, size: int = 1) -> float:
        """Least probability at which a name is given for so many texts; above 1 when none is ever given."""
        return self._calibration.threshold(size)

    def _rows(self, texts: Sequence[str]) -> dict[str, Any]:
        """Texts as each reading sees them."""
        return {name: voice.reading.transform(texts) for name, voice in self._voices.items()}

    def _scores(self, rows: Mapping[str, Any], groups: Sequence[np.ndarray], size: int) -> np.ndarray:
        """Of shape (groups, persons)."""
        each = [voice.scores(rows[name], groups) for name, voice in self._voices.items()]
        return self._calibration.mixed(size, each)

    def _probabilities(self, scores: np.ndarray, size: int, characters: np.ndarray) -> np.ndarray:
        scaling = self._calibration.scaling(size)
        return scaling.probabilities(scores, characters, self._log_shares)

    def _doubt(self, texts: Sequence[str], probability: float) -> str | None:
        """Why no name should be given; ``None`` when there is no reason."""
        familiar = np.array([self._features.familiarity(text) for text in texts])
        lengths = np.array([len(text) for text in texts])
        if np.average(familiar, weights=lengths) < self._least_familiar:
            return "unfamiliar"
        return "unsure" if probability < self._calibration.threshold(len(texts)) else None

    def _evidence(
        self, texts: Sequence[str], used: Sequence[int], rows: Any, authors: np.ndarray
    ) -> list[tuple[Evidence, ...]]:
        """What each n-gram adds for a person, beside what it adds for all on average."""
        voice, wanted = self._voices[CHARACTERS], set(used)
        row = voice.reading.bundle(rows, [np.arange(len(used))])
        places = [self._features.places(text) if n in wanted else [] for n, text in enumerate(texts)]
        columns = [np.array([place.column for place in own], dtype=np.int64) for own in places]
        times = np.bincount(np.concatenate(columns), minlength=self._features.width)
        values = np.asarray(row.todense(), dtype=np.float32).ravel()
        found = []
        for author in authors:
            contributions = []
            for own in columns:
                beside = voice.machines.weights[own, author] - voice.machines.weights[own].mean(axis=1)
                contributions.append(values[own] / np.maximum(times[own], 1) * beside)
            found.append(evidence_for(texts, places, contributions))
        return found

    def _evidence_by_omission(
        self,
        texts: Sequence[str],
        used: Sequence[int],
        rows: Mapping[str, Any],
        scores: np.ndarray,
        authors: np.ndarray,
    ) -> list[tuple[Evidence, ...]]:
        """How much less a person scores without a word, beside what all score less on average."""
        known = [texts[number] for number in used]
        omitted = left_out(known)
        if not omitted:
            return [() for _ in authors]
        changed = self._rows([one.rest for one in omitted])
        groups = []
        for place, one in enumerate(omitted):
            group = np.arange(len(known))
            group[one.message] = len(known) + place
            groups.append(group)
        together = {name: _stacked(own, changed[name]) for name, own in rows.items()}
        lost = scores - self._scores(together, groups, len(known))
        lost -= lost.mean(axis=1, keepdims=True)
        of_text = [
            [at for at, one in enumerate(omitted) if used[one.message] == n] for n in range(len(texts))
        ]
        places = [[omitted[at].place for at in own] for own in of_text]
        return [evidence_for(texts, places, [lost[own, author] for own in of_text]) for author in authors]

    def state(self) -> dict[str, np.ndarray]:
        """Everything but the encoder, as arrays; texts and numbers are JSON in the array ``settings``."""
        settings = {
            "format": FORMAT,
            "persons": list(self.persons),
            "rules": self.rules.model_dump(),
            "training_rows": self.training_rows,
            "scalings": [list(astuple(one)) for one in self._calibration.scalings],
            "thresholds": list(self._calibration.thresholds),
            "least_familiar": self._least_familiar,
        }
        if self.encoder is not None:
            settings |= {"kind": self.kind, "second_shares": list(self._calibration.second_shares)}
        text = json.dumps(settings, sort_keys=True).encode("ascii")
        found = {
            "settings": np.frombuffer(text, dtype=np.uint8),
            "log_shares": self._log_shares,
            **self._features.state(),
        }
        for name, voice in self._voices.items():
            prefix = "" if name == CHARACTERS else f"{name}."
            found |= {f"{prefix}{key}": array for key, array in voice.state().items()}
        return found


@dataclass(frozen=True)
class Prepared:
    """Training rows; each array is of their number.

    Attributes:
        persons: sorted ids.
        authors: number of the author of each row in ``persons``.
        characters: length of the text.
        later: belongs to the later conversations of its author.
    """

    texts: tuple[str, ...]
    persons: tuple[str, ...]
    authors: np.ndarray
    characters: np.ndarray
    later: np.ndarray
    rules: AuthorRules
    seed: int

    def acquainted(self) -> np.ndarray:
        """Authors whom the calibrating machines see; the others play strangers. At least two are seen."""
        number = len(self.persons)
        hidden = min(round(number * _HIDDEN), number - 2)
        return np.sort(np.random.default_rng(self.seed).permutation(number)[hidden:])

    def lessons(self) -> Lessons:
        """What an encoder may be taught."""
        known = np.isin(self.authors, self.acquainted())
        learnt, held_out = np.flatnonzero(known & ~self.later), np.flatnonzero(known & self.later)
        return Lessons(self.texts, self.authors, learnt, held_out)


def prepare(rows: pa.Table, *, seed: int = 0, rules: AuthorRules | None = None) -> Prepared:
    """What every kind of model learns from.

    Args:
        rows: of ``dataset.SCHEMA``, of people who agreed.
        seed: the same rows in any order and the same seed give the same models.
        rules: as ``dataset.author_rows`` used them; people with fewer messages are left out here too.

    Raises:
        ModelError: CP-ML-030 with fewer than two authors, -032 when they wrote in one conversation only.
    """
    rules = rules or AuthorRules()
    rows = _of_enough(rows, rules.min_messages)
    people = rows["person_id"].to_pylist()
    persons, authors = np.unique(np.array(people, dtype=object), return_inverse=True)
    if len(persons) < 2:
        raise ModelError("CP-ML-030", f"{len(persons)} with {rules.min_messages} messages or more")
    texts = rows["text"].to_pylist()
    later = later_conversations(people, rows["conversation_id"].to_pylist(), rows["sent_at"], _LATER)
    if later.sum() < LEAST_GROUPS:
        raise ModelError("CP-ML-032", f"{int(later.sum())} messages")
    lengths = np.array([len(text) for text in texts])
    return Prepared(tuple(texts), tuple(persons.tolist()), authors, lengths, later, rules, seed)


def fit(
    prepared: Prepared, kinds: Sequence[str] = ("characters",), encoder: TextEncoder | None = None
) -> dict[str, AuthorModel]:
    """Models of several kinds from the same rows, by kind.

    Args:
        prepared: by ``prepare``.
        kinds: of ``KINDS``.
        encoder: was taught what ``Prepared.lessons`` gives, where a kind needs one.
    """
    features, matrix = StyleFeatures.fit(prepared.texts)
    familiar = _least_familiar(features, prepared)
    heard: dict[str, _Heard] = {}
    wanted = {name for kind in kinds for name in KINDS[kind]}
    if CHARACTERS in wanted:
        heard[CHARACTERS] = _heard(Characters(features), matrix, prepared)
    if ENCODER in wanted and encoder is not None:
        heard[ENCODER] = _heard(*Embeddings.fitted(encoder, prepared.texts), prepared)
    shares = np.log(np.bincount(prepared.authors) / len(prepared.authors))
    return {
        kind: AuthorModel(
            persons=prepared.persons,
            log_shares=shares,
            features=features,
            voices={name: heard[name].voice for name in KINDS[kind]},
            calibration=_calibrated([heard[name] for name in KINDS[kind]], prepared.rules),
            least_familiar=familiar,
            rules=prepared.rules,
            training_rows=len(prepared.texts),
        )
        for kind in kinds
    }


def train(rows: pa.Table, *, seed: int = 0, rules: AuthorRules | None = None) -> AuthorModel:
    """The model that reads characters, trained on messages of people who agreed; as ``prepare`` and ``fit``."""
    return fit(prepare(rows, seed=seed, rules=rules))["characters"]


def save(model: AuthorModel) -> dict[str, bytes]:
    """The model's files: arrays, with JSON in one of them, and the encoder's; the same model gives the same bytes."""
    beside = embedding.save(model.encoder) if model.encoder is not None else {}
    return {FILE: dump_arrays(model.state()), **beside}


def load(files: Mapping[str, bytes]) -> AuthorModel:
    """The model that ``save`` wrote.

    A file of arrays cannot carry code; what is in them is checked before anything is made of it.

    Raises:
        ModelError: CP-ML-034 when it is damaged or something else, -040 without the extra that its encoder needs,
            -045 when the encoder is damaged.
    """
    try:
        return _from_state(load_arrays(files[FILE]), {k: v for k, v in files.items() if k != FILE})
    except ModelError as error:
        raise error if error.code != "CP-ML-021" else ModelError("CP-ML-034", error.code) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError("CP-ML-034", type(error).__name__) from error


def _from_state(state: Mapping[str, np.ndarray], beside: Mapping[str, bytes]) -> AuthorModel:
    settings = json.loads(state["settings"].tobytes())
    if settings["format"] != FORMAT:
        raise ModelError("CP-ML-034", f"format {settings['format']!r}")
    names = KINDS[settings.get("kind", "characters")]
    if (ENCODER in names) != bool(beside):
        raise ModelError("CP-ML-034", f"{len(beside)} files beside")
    features = StyleFeatures.from_state(state)
    persons = [str(person) for person in settings["persons"]]
    scalings = [Scaling(*(float(value) for value in values)) for values in settings["scalings"]]
    thresholds = tuple(float(value) for value in settings["thresholds"])
    shares = tuple(float(value) for value in settings.get("second_shares", [0.0] * len(SIZES)))
    if len(persons) < 2 or not len(scalings) == len(thresholds) == len(shares) == len(SIZES):
        raise ModelError("CP-ML-034", "sizes")
    if not all(0 <= share <= 1 for share in shares):
        raise ModelError("CP-ML-034", "second_shares")
    return AuthorModel(
        persons=persons,
        log_shares=_array(state, "log_shares", (len(persons),)),
        features=features,
        voices={name: _voice(name, state, features, beside, len(persons)) for name in names},
        calibration=Calibration(tuple(scalings), thresholds, shares),
        least_familiar=float(settings["least_familiar"]),
        rules=AuthorRules(**settings["rules"]),
        training_rows=int(settings["training_rows"]),
    )


def _voice(
    name: str,
    state: Mapping[str, np.ndarray],
    features: StyleFeatures,
    beside: Mapping[str, bytes],
    persons: int,
) -> Voice:
    reading: Reading = Characters(features)
    if name == ENCODER:
        state = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(name)}
        reading = Embeddings.from_state(embedding.load(beside), state)
    weights = _array(state, "weights", (reading.width, persons))
    return Voice(reading, Machines(weights, _array(state, "intercepts", (persons,))))


def _array(state: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    value = state[name]
    if value.shape != shape or value.dtype.kind != "f":
        raise ModelError("CP-ML-034", name)
    if not np.isfinite(value).all():
        raise ModelError("CP-ML-034", name)
    return value


def _named(text: object) -> str:
    if not isinstance(text, NamedText):
        raise ModelError("CP-ML-031", type(text).__name__)
    return text.text


def _of_enough(rows: pa.Table, min_messages: int) -> pa.Table:
    """Rows of authors with enough messages, in an order that does not depend on the given one."""
    keys = ("person_id", "sent_at", "conversation_id", "message_id", "text")
    rows = rows.sort_by([(name, "ascending") for name in keys])
    people = np.array(rows["person_id"].to_pylist(), dtype=object)
    _, places, counts = np.unique(people, return_inverse=True, return_counts=True)
    return rows.filter(pa.array(counts[places] >= min_messages)) if len(people) else rows


@dataclass(frozen=True)
class _Heard:
    """What one reading learnt, and what it says of the later conversations after having learnt from the earlier.

    Attributes:
        known: size → askings about all authors.
        unknown: size → askings about those who play strangers; empty when nobody could be spared.
    """

    voice: Voice
    known: dict[int, Asked]
    unknown: dict[int, Asked]


def _heard(reading: Reading, matrix: Any, rows: Prepared) -> _Heard:
    """Fit all machines of one reading.

    What it reads is that of all rows: an n-gram of later rows alone has weight 0 in the calibrating machines.
    """
    machines = reading.fit(matrix, rows.authors, seed=rows.seed)
    everybody, acquainted = np.arange(len(rows.persons)), rows.acquainted()
    known = _later_askings(reading, matrix, rows, everybody, rows.later)
    unknown: dict[int, Asked] = {}
    if len(acquainted) < len(everybody):
        strange = rows.later & ~np.isin(rows.authors, acquainted)
        unknown = _later_askings(reading, matrix, rows, acquainted, strange)
    return _Heard(Voice(reading, machines), known, unknown)


def _calibrated(heard: Sequence[_Heard], rules: AuthorRules) -> Calibration:
    """Calibrate on later conversations, with machines that saw the earlier ones."""
    first, *others = heard
    if not others:
        return calibrate(first.known, first.unknown, rules.precision)
    second = others[0]
    shares = fit_second_shares(first.known, second.known)
    known, unknown = {}, {}
    for size, share in zip(SIZES, shares, strict=True):
        known[size] = mixed_askings(first.known, second.known, size, share)
        if first.unknown:
            unknown[size] = mixed_askings(first.unknown, second.unknown, size, share)
    return replace(calibrate(known, unknown, rules.precision), second_shares=shares)


def _later_askings(
    reading: Reading, matrix: Any, rows: Prepared, members: np.ndarray, asked: np.ndarray
) -> dict[int, Asked]:
    """What machines of some authors, from their earlier rows, say of the rows asked about."""
    earlier = np.flatnonzero(~rows.later & np.isin(rows.authors, members))
    owners = np.searchsorted(members, rows.authors[earlier])
    voice = Voice(reading, reading.fit(matrix[earlier], owners, seed=rows.seed))
    shares = np.bincount(rows.authors)[members]
    log_shares = np.log(shares / shares.sum())
    found = {}
    for size in SIZES:
        groups, authors = _askings(rows.authors, asked, size, rows.seed)
        lengths = np.array([rows.characters[group].sum() for group in groups])
        found[size] = Asked(voice.scores(matrix, groups), lengths, authors, log_shares)
    return found


def _askings(
    authors: np.ndarray, chosen: np.ndarray, size: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Bundles of ``size`` messages of one author out of the chosen rows, and whose they are."""
    random = np.random.default_rng(seed)
    groups: list[np.ndarray] = []
    owners: list[int] = []
    for author in np.unique(authors[chosen]):
        own = random.permutation(np.flatnonzero(chosen & (authors == author)))
        made = parts(own, size) if len(own) >= size else []
        groups += made
        owners += [int(author)] * len(made)
    if len(groups) > _ASKINGS:
        taken = np.sort(random.choice(len(groups), _ASKINGS, replace=False))
        groups, owners = [groups[one] for one in taken], [owners[one] for one in taken]
    return groups, np.array(owners, dtype=np.int64)


def _least_familiar(features: StyleFeatures, rows: Prepared) -> float:
    """Half of what all but one in twenty later messages reach."""
    later = np.flatnonzero(rows.later)
    sample = np.random.default_rng(rows.seed).choice(later, min(_SAMPLE, len(later)), replace=False)
    usual = float(np.quantile([features.familiarity(rows.texts[row]) for row in sample], 0.05))
    return min(usual / 2, _FAMILIAR)


def _stacked(above: Any, below: Any) -> Any:
    return (
        sparse.vstack([above, below], format="csr") if sparse.issparse(above) else np.vstack([above, below])
    )
