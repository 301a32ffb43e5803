"""Write metrics.json: scores by scikit-learn of predictions that were drawn. Made with scikit-learn 1.9."""

import json
from pathlib import Path

import numpy as np
from sklearn import __version__, metrics

N_SAMPLES = 40


def classes(n_classes, probabilities, labels, w):
    found = probabilities.argmax(axis=1)
    scores = {
        "accuracy": metrics.accuracy_score(labels, found, sample_weight=w),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, found, sample_weight=w),
    }
    if n_classes == 2:
        scores["f1"] = metrics.f1_score(labels, found, sample_weight=w)
        scores["auc"] = metrics.roc_auc_score(labels, probabilities[:, 1], sample_weight=w)
    else:
        every = np.arange(n_classes)
        scores["f1"] = metrics.f1_score(labels, found, average="macro", sample_weight=w)
        if set(labels) == set(every):
            scores["auc"] = metrics.roc_auc_score(labels, probabilities, multi_class="ovr", sample_weight=w)
        for k in range(1, n_classes):
            name = f"top_{k}"
            scores[name] = metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=every, sample_weight=w)
    return scores


def flags(n_out, outputs, y, w):
    found = outputs > 0.5
    columns = range(n_out)
    return {
        "accuracy": np.mean([metrics.accuracy_score(y[:, j], found[:, j], sample_weight=w) for j in columns]),
        "balanced_accuracy": np.mean(
            [metrics.balanced_accuracy_score(y[:, j], found[:, j], sample_weight=w) for j in columns]
        ),
        "f1": metrics.f1_score(y, found, average="binary" if n_out == 1 else "macro", sample_weight=w),
        "auc": metrics.roc_auc_score(y, outputs, average="macro", sample_weight=w),
        "mae": metrics.mean_absolute_error(y, outputs, sample_weight=w),
    }


def numbers(n_out, outputs, y, w):
    return {
        "mae": metrics.mean_absolute_error(y, outputs, sample_weight=w),
        "rmse": metrics.root_mean_squared_error(y, outputs, sample_weight=w),
        "r2": metrics.r2_score(y, outputs, sample_weight=w),
    }


def problems():
    rng = np.random.default_rng(0)
    for n_classes, n_there in ((2, 2), (3, 3), (6, 6), (6, 4)):
        probabilities = rng.dirichlet(np.ones(n_classes), N_SAMPLES)
        draws = [rng.choice(n_classes, p=p) % n_there for p in probabilities]
        yield f"{n_there} of {n_classes} classes", classes, n_classes, probabilities, np.array(draws)
    for n_out in (1, 4):
        outputs = rng.integers(0, 21, (N_SAMPLES, n_out)) / 20  # with ties, some of them at 1/2
        yield f"{n_out} flags", flags, n_out, outputs, (rng.uniform(size=outputs.shape) < outputs).astype(int)
    for n_out in (1, 3):
        y = rng.normal(size=(N_SAMPLES, n_out))
        yield f"{n_out} numbers", numbers, n_out, y + rng.normal(scale=0.5, size=y.shape), y


def main():
    made = {"scikit-learn": __version__, "problems": []}
    rng = np.random.default_rng(1)
    for name, function, n_out, outputs, y in problems():
        outputs = np.round(outputs, 6)
        for weights in (None, np.round(rng.uniform(0.1, 3, N_SAMPLES), 3)):
            scores = function(n_out, outputs, y, weights)
            made["problems"].append(
                {
                    "name": name + (", weighted" if weights is not None else ""),
                    "outputs": outputs.tolist(),
                    "targets": y.tolist(),
                    "weights": None if weights is None else weights.tolist(),
                    "scores": {key: float(value) for key, value in scores.items()},
                }
            )
    Path(__file__).with_name("metrics.json").write_text(json.dumps(made) + "\n")


main()
