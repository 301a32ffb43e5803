"""Make layers.json: what PyTorch 2.13 computes for the layers that have a counterpart there, in float64.

python tests/data/make_layers.py
"""

import json
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)
LAYERS = {
    "BatchNorm(momentum=0.2, epsilon=0.001)": torch.nn.BatchNorm1d(4, momentum=0.2, eps=1e-3),
    "BatchNorm(affine=False)": torch.nn.BatchNorm1d(4, affine=False),
    "LayerNorm(epsilon=0.001)": torch.nn.LayerNorm(4, eps=1e-3),
    "LayerNorm(affine=False)": torch.nn.LayerNorm(4, elementwise_affine=False),
    "PReLU()": torch.nn.PReLU(4),
    "PReLU(shared=True)": torch.nn.PReLU(1),
}


def numbers(tensor):
    return tensor.detach().tolist()


def known_answer(layer, generator):
    """Two batches forward and backward in training, then one in evaluation; the loss is sum(y * direction)."""
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    steps = []
    for training in (True, True, False):
        layer.train(training)
        x = (torch.randn(7, 4, generator=generator) * 2 + 1).requires_grad_()
        direction = torch.randn(7, 4, generator=generator)
        layer.zero_grad()
        y = layer(x)
        (y * direction).sum().backward()
        steps.append(
            {
                "training": training,
                "x": numbers(x),
                "direction": numbers(direction),
                "y": numbers(y),
                "dx": numbers(x.grad),
                "grads": [numbers(parameter.grad) for parameter in layer.parameters()],
                "buffers": [numbers(buffer) for buffer in layer.buffers() if buffer.ndim],
            }
        )
    return {"params": [numbers(parameter) for parameter in layer.parameters()], "steps": steps}


if __name__ == "__main__":
    generator = torch.Generator().manual_seed(0)
    answers = {name: known_answer(layer, generator) for name, layer in LAYERS.items()}
    Path(__file__).with_name("layers.json").write_text(json.dumps(answers) + "\n")
