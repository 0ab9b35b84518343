"""The exported generator computes what the torch module does."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from tryon.train import toy  # noqa: E402
from tryon.train.export import load_module, register  # noqa: E402
from tryon.train.export_generator import export_generator, load_generator, training_record  # noqa: E402
from tryon.train.loop import load_about, save_module  # noqa: E402

from tryon.models.generator import Generator  # noqa: E402

pytestmark = pytest.mark.needs_torch


def test_parity_and_manifest(tmp_path):
    import onnxruntime

    torch.manual_seed(0)
    net = Generator(width=8, gain_channels=3)
    torch.nn.init.normal_(net.head.weight, std=0.05)
    torch.nn.init.normal_(net.light.weight, std=0.05)
    weights = tmp_path / "generator.safetensors"
    save_module(weights, net.state_dict(), net.settings, licence="CC0-1.0", training={"batch": 4})
    (tmp_path / "validation.jsonl").write_text('{"l1": 0.3}\n{"l1": 0.1}\n')
    path, worst = export_generator(weights, size=(96, 64))
    assert worst <= 1e-3
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = toy.draw(7, (96, 64))["inputs"][None]
    got = session.run(None, {"inputs": inputs})
    with torch.no_grad():
        expected = load_generator(weights)(torch.from_numpy(inputs))
    assert [o.name for o in session.get_outputs()] == ["rgb", "alpha", "gain"]
    for a, b in zip(got, expected, strict=True):
        assert np.abs(a - b.numpy()).max() < 5e-3  # the shipped weights are rounded to half precision
    about = load_about(path.with_name("generator_half.safetensors"))
    assert about["settings"]["width"] == 8 and about["licence"] == "CC0-1.0" and about["training"] == {"batch": 4}
    entry = register("generator", path, training_record(tmp_path), folder=tmp_path / "shipped")
    assert entry["metrics"]["validation"] == {"l1": 0.1}
    assert "generator" in json.loads((tmp_path / "shipped" / "manifest.json").read_text())
    again = register("generator", path, folder=tmp_path / "shipped", settings={"confined": True})
    assert again["settings"] == {"confined": True} and "settings" not in entry


def test_parser_weights_say_what_they_are(tmp_path):
    pytest.importorskip("segmentation_models_pytorch")
    from tryon.train import parser
    from tryon.train.settings import ParserSettings

    from tryon.models.parser import ParserNet

    own = {name: value.clone() for name, value in ParserNet().encoder.state_dict().items()}
    own["features.0.0.weight"] = own["features.0.0.weight"][:, :3]
    imagenet = tmp_path / "imagenet.safetensors"
    save_module(imagenet, own, {})
    nowhere = tmp_path / "nowhere"
    settings = ParserSettings(nowhere, nowhere, nowhere, imagenet, tmp_path, licence="CC0-1.0")
    run = parser.Training(settings, parser.Photos([], [], [], [], {}))
    run.images, run.figures = 24, {"mean": 0.5}
    run.save({})
    about = load_about(tmp_path / "parser.safetensors")
    assert about["licence"] == "CC0-1.0" and about["training"]["images"] == 24 and about["metrics"] == {"mean": 0.5}
    assert about["training"]["labels"] == "labels_raw"
    other = ParserNet()
    load_module(other, tmp_path / "parser.safetensors")
    mine = run.averaged().state_dict()
    assert all(torch.equal(mine[k], v) for k, v in other.state_dict().items())
