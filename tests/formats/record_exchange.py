"""Ask other libraries for small networks of theirs, as ONNX and as weights, with what they predict.

    python tests/formats/record_exchange.py torch      needs torch, onnx, onnxscript
    python tests/formats/record_exchange.py sklearn    needs scikit-learn, skl2onnx
    python tests/formats/record_exchange.py keras      needs keras, tensorflow, tf2onnx

The tests read what this writes to `golden/exchange`: `NAME.onnx` with `NAME.json` (inputs, answers, who made it), and
`weights-LIBRARY.npz` (weights as the library hands them out, in its order, with inputs and scores).
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "golden" / "exchange"
ROWS = 6


def rows(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(ROWS, *shape)).astype(np.float32)


def keep(name: str, by: str, x: Any, answers: Any) -> None:
    """What belongs beside an ONNX file."""
    plainly(FOLDER / f"{name}.onnx")
    data = {"by": by, "x": np.asarray(x, dtype=float).tolist(), "answers": np.asarray(answers, dtype=float).tolist()}
    (FOLDER / f"{name}.json").write_text(json.dumps(data) + "\n", encoding="utf-8")
    print(f"{name}: {(FOLDER / name).with_suffix('.onnx').stat().st_size:,} bytes")


def plainly(path: Path) -> None:
    """Leave out what exporters note of the machine they ran on: stack traces, names of files."""
    import onnx

    model = onnx.load(path)
    for item in [model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    model.graph.ClearField("value_info")
    model.ClearField("metadata_props")
    path.write_bytes(model.SerializeToString())


def record_torch() -> None:
    import torch

    nn, by = torch.nn, f"PyTorch {torch.__version__.split('+')[0]}"
    torch.manual_seed(0)
    everything = nn.Sequential(
        nn.Flatten(), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(),
        nn.Linear(6, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 5), nn.SiLU(), nn.Linear(5, 4, bias=False), nn.Mish(),
        nn.PReLU(), nn.Softplus(), nn.Softsign(), nn.Hardtanh(), nn.SELU(), nn.ELU(), nn.LeakyReLU(), nn.CELU(),
        nn.Linear(4, 6), nn.GELU("tanh"), nn.Linear(6, 6), nn.ReLU6(), nn.Linear(6, 8), nn.Hardsigmoid(),
        nn.Linear(8, 3), nn.LogSoftmax(dim=1),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in everything.parameters():
            parameter.mul_(2.0)  # so that answers differ from row to row
    for _ in range(20):
        everything(torch.randn(16, 2, 2))  # batch normalization learns what to subtract
    scores = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))
    yes = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid())
    for name, network, shape in [("everything", everything, (2, 2)), ("scores", scores, (3,)), ("yes", yes, (3,))]:
        network.eval()
        x = torch.tensor(rows(shape))
        with torch.no_grad():
            answers = network(x).exp() if name == "everything" else network(x)
        for way in ("trace", "dynamo"):
            path = FOLDER / f"torch-{name}-{way}.onnx"
            if way == "dynamo":
                torch.onnx.export(
                    network, (x,), path, dynamo=True, dynamic_shapes=({0: "n"},), external_data=False, verbose=False
                )
            else:
                torch.onnx.export(network, (x,), path, dynamo=False, dynamic_axes={"x": {0: "n"}}, input_names=["x"])
            keep(path.stem, by, x.reshape(ROWS, -1), answers)
    old = FOLDER / "torch-everything-opset-13.onnx"
    torch.onnx.export(everything, (torch.tensor(rows((2, 2))),), old, dynamo=False, opset_version=13)
    with torch.no_grad():
        keep(old.stem, by, rows((4,)), everything(torch.tensor(rows((2, 2)))).exp())

    plain = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.PReLU(4), nn.Linear(4, 5), nn.LayerNorm(5), nn.ReLU(),
        nn.Linear(5, 2, bias=False),
    )  # fmt: skip
    for _ in range(20):
        plain(torch.randn(16, 3))
    plain.eval()
    with torch.no_grad():
        numbers = {name: tensor.numpy() for name, tensor in plain.state_dict().items()}
        np.savez(FOLDER / "weights-torch.npz", x=rows((3,)), scores=plain(torch.tensor(rows((3,)))).numpy(), **numbers)


def record_sklearn() -> None:
    import sklearn
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    by = f"scikit-learn {sklearn.__version__}"
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    several = np.array(["ant", "bee", "cat"])[np.arange(60) % 3]
    settings = {"max_iter": 5, "random_state": 0}
    plain = {"zipmap": False}
    cases: list[tuple[str, Any, Any, dict[str, bool]]] = [
        ("yes", make_pipeline(StandardScaler(), MLPClassifier((5,), **settings)), (x[:, 0] > 0) * 2 + 3, {}),
        ("table", make_pipeline(StandardScaler(), MLPClassifier((5,), **settings)), several, {}),
        ("classes", make_pipeline(MinMaxScaler(), MLPClassifier((5, 4), "tanh", **settings)), several, plain),
        ("several", MLPClassifier((5,), **settings), (x[:, :2] > 0).astype(int), plain),
        (
            "number",
            make_pipeline(RobustScaler(), MLPRegressor("squared_error", (5,), "logistic", **settings)),
            x[:, 0],
            {},
        ),
    ]
    for name, model, y, options in cases:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
            onnx = to_onnx(model, x[:1], options={id(model): options} if options else None)
        (FOLDER / f"sklearn-{name}.onnx").write_bytes(onnx.SerializeToString())
        answers = model.predict(x[:ROWS]) if name == "number" else model.predict_proba(x[:ROWS])
        keep(f"sklearn-{name}", by, x[:ROWS], answers)


def record_keras() -> None:
    import keras

    layers, by = keras.layers, f"Keras {keras.__version__}"
    keras.utils.set_random_seed(0)
    classes = keras.Sequential([
        keras.Input((4,)), layers.Dense(6, "relu", bias_initializer="normal"), layers.BatchNormalization(),
        layers.Dense(5, "silu"), layers.Dropout(0.3), layers.Dense(5, "elu"), layers.LeakyReLU(),
        layers.PReLU(alpha_initializer="normal"), layers.Dense(3, "softmax", bias_initializer="normal"),
    ])  # fmt: skip
    classes.compile("sgd", "sparse_categorical_crossentropy")
    classes.fit(np.random.default_rng(1).normal(size=(60, 4)), np.arange(60) % 3, epochs=3, verbose=0)
    images = keras.Sequential([
        keras.Input((2, 3, 1)), layers.Rescaling(1 / 255, -0.5), layers.Flatten(), layers.Dense(6, "tanh"),
        layers.Dense(1, "sigmoid"),
    ])  # fmt: skip
    names = ["softplus", "softsign", "selu", "mish", "hard_tanh", "relu6", "leaky_relu", "hard_sigmoid", "linear"]
    activations = keras.Sequential(
        [keras.Input((4,)), *(layers.Dense(5, name, bias_initializer="normal") for name in names)]
    )
    for name, model, shape in [
        ("classes", classes, (4,)),
        ("images", images, (2, 3, 1)),
        ("activations", activations, (4,)),
    ]:
        x = rows(shape)
        answers = model.predict(x, verbose=0)
        model.export(FOLDER / f"keras-{name}.onnx", format="onnx", verbose=False)
        keep(f"keras-{name}", by, x.reshape(ROWS, -1), answers)

    scaling = layers.Normalization()
    scaling.adapt(3 * np.random.default_rng(2).normal(size=(50, 3)) + 1)
    plain = keras.Sequential([
        keras.Input((3,)), scaling, layers.Dense(4), layers.BatchNormalization(),
        layers.PReLU(alpha_initializer="normal"), layers.Dense(5, bias_initializer="normal"),
        layers.LayerNormalization(epsilon=1e-3), layers.ReLU(), layers.Dense(2, use_bias=False),
    ])  # fmt: skip
    plain.compile("sgd", "mse")
    plain.fit(rows((3,)), rows((2,)), epochs=5, verbose=0)
    numbers = {variable.path: np.asarray(variable.numpy()) for variable in plain.weights}
    scores = plain.predict(rows((3,)), verbose=0)
    np.savez(FOLDER / "weights-keras.npz", x=rows((3,)), scores=scores, **numbers)


if __name__ == "__main__":
    recorders = {"torch": record_torch, "sklearn": record_sklearn, "keras": record_keras}
    if len(sys.argv) != 2 or sys.argv[1] not in recorders:
        sys.exit(f"usage: record_exchange.py {'|'.join(recorders)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    recorders[sys.argv[1]]()
