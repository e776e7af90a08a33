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
from dataclasses import astuple, dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from chat_platform.errors import ModelError
from chat_platform.ml.authors.calibration import LEAST_GROUPS, SIZES, Asked, Calibration, Scaling, calibrate
from chat_platform.ml.authors.dataset import later_conversations, text_problem
from chat_platform.ml.authors.explain import Evidence, evidence_for
from chat_platform.ml.authors.linear import Machines, bundle, fit_machines, parts
from chat_platform.ml.authors.style import StyleFeatures
from chat_platform.ml.registry.formats import dump_arrays, load_arrays
from chat_platform.settings import AuthorRules

FORMAT = 2
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
    """

    candidates: tuple[Candidate, ...]
    unknown: bool
    reason: str | None
    threshold: float
    used: int


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
        machines: Machines,
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
        self._machines = machines
        self._calibration = calibration
        self._least_familiar = least_familiar

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
        row = bundle(self._features.transform(known), [np.arange(len(known))])
        probabilities = self._probabilities(row, len(known), np.array([sum(map(len, known))]))[0]
        threshold = min(self._calibration.threshold(len(known)), 1.0)
        order = np.argsort(-probabilities, kind="stable")[:top]
        evidence = self._evidence(words, used, row, order)
        candidates = tuple(
            Candidate(self.persons[author], float(probabilities[author]), why)
            for author, why in zip(order, evidence, strict=True)
        )
        reason = self._doubt(known, float(probabilities.max()))
        return Guess(candidates, reason is not None, reason, threshold, len(known))

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
        features = self._features.transform(words)
        sizes = np.diff(ends)
        lengths = np.concatenate(([0], np.cumsum([len(text) for text in words])))
        characters = lengths[ends[1:]] - lengths[ends[:-1]]
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            of_size = bundle(features, [groups[row] for row in rows])
            found[rows] = self._probabilities(of_size, int(size), characters[rows])
        return found

    def threshold(self, size: int = 1) -> float:
        """Least probability at which a name is given for so many texts; above 1 when none is ever given."""
        return self._calibration.threshold(size)

    def _probabilities(self, rows: sparse.csr_matrix, size: int, characters: np.ndarray) -> np.ndarray:
        scores, scaling = self._machines.scores(rows), self._calibration.scaling(size)
        return scaling.probabilities(scores, characters, self._log_shares)

    def _doubt(self, texts: Sequence[str], probability: float) -> str | None:
        """Why no name should be given; ``None`` when there is no reason."""
        familiar = np.array([self._features.familiarity(text) for text in texts])
        lengths = np.array([len(text) for text in texts])
        if np.average(familiar, weights=lengths) < self._least_familiar:
            return "unfamiliar"
        return "unsure" if probability < self._calibration.threshold(len(texts)) else None

    def _evidence(
        self, texts: Sequence[str], used: Sequence[int], row: sparse.csr_matrix, authors: np.ndarray
    ) -> list[tuple[Evidence, ...]]:
        wanted = set(used)
        places = [self._features.places(text) if n in wanted else [] for n, text in enumerate(texts)]
        columns = [np.array([place.column for place in own], dtype=np.int64) for own in places]
        times = np.bincount(np.concatenate(columns), minlength=self._features.width)
        values = np.asarray(row.todense(), dtype=np.float32).ravel()
        found = []
        for author in authors:
            contributions = []
            for own in columns:
                beside = self._machines.weights[own, author] - self._machines.weights[own].mean(axis=1)
                contributions.append(values[own] / np.maximum(times[own], 1) * beside)
            found.append(evidence_for(texts, places, contributions))
        return found

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the model is, as arrays; texts and numbers are JSON in the array ``settings``."""
        settings = {
            "format": FORMAT,
            "persons": list(self.persons),
            "rules": self.rules.model_dump(),
            "training_rows": self.training_rows,
            "scalings": [list(astuple(one)) for one in self._calibration.scalings],
            "thresholds": list(self._calibration.thresholds),
            "least_familiar": self._least_familiar,
        }
        text = json.dumps(settings, sort_keys=True).encode("ascii")
        return {
            "settings": np.frombuffer(text, dtype=np.uint8),
            "log_shares": self._log_shares,
            "weights": self._machines.weights,
            "intercepts": self._machines.intercepts,
            **self._features.state(),
        }


def train(rows: pa.Table, *, seed: int = 0, rules: AuthorRules | None = None) -> AuthorModel:
    """Train on messages of people who agreed.

    Args:
        rows: of ``dataset.SCHEMA``.
        seed: the same rows in any order and the same seed give the same model.
        rules: as ``dataset.author_rows`` used them; people with fewer messages are left out here too.

    Raises:
        ModelError: CP-ML-030 with fewer than two authors, -032 when they wrote in one conversation only.
    """
    rules = rules or AuthorRules()
    rows = _of_enough(rows, rules.min_messages)
    persons, authors = np.unique(np.array(rows["person_id"].to_pylist(), dtype=object), return_inverse=True)
    if len(persons) < 2:
        raise ModelError("CP-ML-030", f"{len(persons)} with {rules.min_messages} messages or more")
    texts = rows["text"].to_pylist()
    features, matrix = StyleFeatures.fit(texts)
    people = rows["person_id"].to_pylist()
    later = later_conversations(people, rows["conversation_id"].to_pylist(), rows["sent_at"], _LATER)
    if later.sum() < LEAST_GROUPS:
        raise ModelError("CP-ML-032", f"{int(later.sum())} messages")
    log_shares = np.log(np.bincount(authors) / len(authors))
    characters = np.array([len(text) for text in texts])
    return AuthorModel(
        persons=persons.tolist(),
        log_shares=log_shares,
        features=features,
        machines=fit_machines(matrix, authors, seed=seed),
        calibration=_calibrated(_Rows(matrix, authors, characters, later), rules, seed),
        least_familiar=_least_familiar(features, texts, later, seed),
        rules=rules,
        training_rows=len(rows),
    )


def save(model: AuthorModel) -> bytes:
    """The model as a safetensors file: arrays, and JSON in one of them; the same model gives the same bytes."""
    return dump_arrays(model.state())


def load(data: bytes) -> AuthorModel:
    """The model that ``save`` wrote.

    A file of arrays cannot carry code; what is in them is checked before anything is made of it.

    Raises:
        ModelError: CP-ML-034 when it is damaged or something else.
    """
    try:
        return _from_state(load_arrays(data))
    except ModelError as error:
        raise error if error.code == "CP-ML-034" else ModelError("CP-ML-034", error.code) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError("CP-ML-034", type(error).__name__) from error


def _from_state(state: Mapping[str, np.ndarray]) -> AuthorModel:
    settings = json.loads(state["settings"].tobytes())
    if settings["format"] != FORMAT:
        raise ModelError("CP-ML-034", f"format {settings['format']!r}")
    features = StyleFeatures.from_state(state)
    persons = [str(person) for person in settings["persons"]]
    number = len(persons)
    machines = Machines(
        _array(state, "weights", (features.width, number)), _array(state, "intercepts", (number,))
    )
    scalings = [Scaling(*(float(value) for value in values)) for values in settings["scalings"]]
    calibration = Calibration(tuple(scalings), tuple(float(value) for value in settings["thresholds"]))
    if number < 2 or not len(scalings) == len(calibration.thresholds) == len(SIZES):
        raise ModelError("CP-ML-034", "sizes")
    return AuthorModel(
        persons=persons,
        log_shares=_array(state, "log_shares", (number,)),
        features=features,
        machines=machines,
        calibration=calibration,
        least_familiar=float(settings["least_familiar"]),
        rules=AuthorRules(**settings["rules"]),
        training_rows=int(settings["training_rows"]),
    )


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
class _Rows:
    """Training rows; each array is of their number.

    Attributes:
        matrix: their features.
        authors: number of the author.
        characters: length of the text.
        later: belongs to the later conversations of its author.
    """

    matrix: sparse.csr_matrix
    authors: np.ndarray
    characters: np.ndarray
    later: np.ndarray


def _calibrated(rows: _Rows, rules: AuthorRules, seed: int) -> Calibration:
    """Calibrate on later conversations, with machines that saw the earlier ones.

    The vocabulary is that of all rows: an n-gram of later rows alone has weight 0 in these machines.
    """
    everybody = np.arange(int(rows.authors.max()) + 1)
    known = _later_askings(rows, everybody, rows.later, seed)
    acquainted = _acquainted(len(everybody), seed)
    if len(acquainted) == len(everybody):
        return calibrate(known, {}, rules.precision)
    strange = rows.later & ~np.isin(rows.authors, acquainted)
    return calibrate(known, _later_askings(rows, acquainted, strange, seed), rules.precision)


def _later_askings(rows: _Rows, members: np.ndarray, asked: np.ndarray, seed: int) -> dict[int, Asked]:
    """What machines of some authors, from their earlier rows, say of the rows asked about."""
    earlier = np.flatnonzero(~rows.later & np.isin(rows.authors, members))
    owners = np.searchsorted(members, rows.authors[earlier])
    machines = fit_machines(rows.matrix[earlier], owners, seed=seed)
    shares = np.bincount(rows.authors)[members]
    log_shares = np.log(shares / shares.sum())
    found = {}
    for size in SIZES:
        groups, authors = _askings(rows.authors, asked, size, seed)
        scores = machines.scores(bundle(rows.matrix, groups))
        lengths = np.array([rows.characters[group].sum() for group in groups])
        found[size] = Asked(scores, lengths, authors, log_shares)
    return found


def _acquainted(number: int, seed: int) -> np.ndarray:
    """Authors whom the calibrating machines see; the others play strangers. At least two are seen."""
    hidden = min(round(number * _HIDDEN), number - 2)
    return np.sort(np.random.default_rng(seed).permutation(number)[hidden:])


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


def _least_familiar(features: StyleFeatures, texts: Sequence[str], later: np.ndarray, seed: int) -> float:
    """Half of what all but one in twenty later messages reach."""
    rows = np.flatnonzero(later)
    sample = np.random.default_rng(seed).choice(rows, min(_SAMPLE, len(rows)), replace=False)
    usual = float(np.quantile([features.familiarity(texts[row]) for row in sample], 0.05))
    return min(usual / 2, _FAMILIAR)
