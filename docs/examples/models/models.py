"""Models of scikit-learn with names, a set of them for each session, and its bundled data sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy
from numpy.typing import NDArray
from pythonarium import expose, progress, session
from sklearn import datasets
from sklearn.base import clone, is_classifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import check_cv
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Estimator(TypedDict):
    estimator: Literal[
        "KNeighborsClassifier", "LogisticRegression", "RandomForestClassifier", "RandomForestRegressor", "Ridge"
    ]


class Recipe(Estimator, total=False):
    """What a model is before it has seen any data."""

    params: dict[str, Any]
    """Of the estimator's constructor."""
    scale: bool
    """Whether features are brought to mean 0 and variance 1 first."""


@dataclass
class Dataset:
    features: NDArray[numpy.float64]
    target: NDArray[Any]
    feature_names: list[str]
    classes: list[str] | None
    """What the numbers of the target stand for; none where it is a quantity."""


class NoSuchModel(LookupError):
    pass


@expose
def dataset(name: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"], /) -> Dataset:
    loaded = getattr(datasets, f"load_{name}")()
    classes = [str(each) for each in loaded.target_names] if "target_names" in loaded else None
    return Dataset(loaded.data, loaded.target, [str(each) for each in loaded.feature_names], classes)


@expose
def put(
    name: str, recipe: Recipe, features: NDArray[Any] | None = None, target: NDArray[Any] | None = None, /
) -> None:
    """A model under that name, in place of any other; fit, if there is data."""
    model = made_from(recipe)
    models()[name] = model if features is None else model.fit(features, target)


@expose
def fit(name: str, features: NDArray[Any], target: NDArray[Any], /) -> None:
    # A fit that fails or is interrupted leaves the model as it was.
    models()[name] = clone(model_of(name)).fit(features, target)


@expose
def predict(name: str, features: NDArray[Any], /) -> NDArray[Any]:
    return model_of(name).predict(features)


@expose
def probabilities(name: str, features: NDArray[Any], /) -> NDArray[numpy.float64]:
    """A row for each row of the features, a column for each class, in the order of their labels."""
    return model_of(name).predict_proba(features)


@expose
def score(name: str, features: NDArray[Any], target: NDArray[Any], /) -> float:
    """Accuracy of a classifier, R² of a regressor."""
    return model_of(name).score(features, target)


@expose(name="list")
def list_names() -> list[str]:
    return sorted(models())


@expose
def delete(name: str, /) -> bool:
    return models().pop(name, None) is not None


@expose
def cross_validate(
    recipe: Recipe, features: NDArray[Any], target: NDArray[Any], folds: int, /
) -> NDArray[numpy.float64]:
    """The score on each fold of a model that was fit to the others. It needs no session."""
    model = made_from(recipe)
    scores = numpy.empty(folds)
    splits = check_cv(folds, target, classifier=is_classifier(model)).split(features, target)
    for fold, (others, held_out) in enumerate(splits):
        fitted = clone(model).fit(features[others], target[others])
        scores[fold] = fitted.score(features[held_out], target[held_out])
        progress(fold + 1, folds, f"score {scores[fold]:.3f}")
    return scores


def made_from(recipe: Recipe) -> Any:
    estimator = ESTIMATORS[recipe["estimator"]](**recipe.get("params", {}))
    # What is drawn at random is drawn the same when the model is fit anew.
    if estimator.get_params().get("random_state", 0) is None:
        estimator.set_params(random_state=0)
    return make_pipeline(StandardScaler(), estimator) if recipe.get("scale") else estimator


def models() -> dict[str, Any]:
    return session.setdefault("models", {})


def model_of(name: str) -> Any:
    if name not in models():
        raise NoSuchModel(f"there is no model {name!r}")
    return models()[name]


ESTIMATORS = {
    each.__name__: each
    for each in (KNeighborsClassifier, LogisticRegression, RandomForestClassifier, RandomForestRegressor, Ridge)
}
