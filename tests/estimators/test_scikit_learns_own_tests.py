"""scikit-learn's own tests of its multi-layer perceptrons, as they are installed, with our classes in place of theirs.

What cannot pass stands in `CANNOT_PASS`, each with its reason; should one of them pass one day, this file says so.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANNOT_PASS = {
    "test_gradient": "calls the private _loss_grad_lbfgs; see test_equal_to_scikit_learn.py for loss and gradient",
    "test_learning_rate_warmstart": "reads the private _optimizer; see test_rates_of_warm_starts in test_going_on.py",
    "test_adaptive_learning_rate": "reads the private _optimizer; see test_an_adaptive_rate in test_stopping.py",
}

THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from pellucid.estimators import MLPClassifier, MLPRegressor"


@pytest.fixture
def global_random_seed() -> int:
    """What scikit-learn's own configuration of pytest has."""
    return 0


spec = find_spec("sklearn.neural_network.tests.test_mlp")
if spec is None or spec.origin is None:
    pytest.skip("this scikit-learn came without its tests", allow_module_level=True)
source = Path(spec.origin).read_text(encoding="utf-8")
assert source.count(THEIRS) == 1, "scikit-learn's tests import their classes in another way"
exec(compile(source.replace(THEIRS, OURS), spec.origin, "exec"))
for _name, _reason in CANNOT_PASS.items():
    assert _name in globals(), f"{_name} is no longer among scikit-learn's tests"
    globals()[_name] = pytest.mark.xfail(strict=True, reason=_reason)(globals()[_name])
# It turns every UserWarning into an error, and trains on a constant target: where theirs stops after 12 epochs, since
# R² is 0 for all of them, ours goes by the loss, and may say after 200 that it has not converged.
globals()["test_preserve_feature_names"] = pytest.mark.xfail(raises=ConvergenceWarning, strict=False)(
    globals()["test_preserve_feature_names"]
)


def test_these_are_our_classes() -> None:
    for name in ("MLPClassifier", "MLPRegressor"):
        assert globals()[name].__module__.startswith("pellucid.estimators")
