"""All uses of public callables."""

from __future__ import annotations

from bad_input.uses_data import DATA_USES
from bad_input.uses_layers import LAYERS
from bad_input.uses_losses import LOSS_USES, METRIC_USES
from bad_input.uses_optimizers import CLIPPING, OPTIMIZERS, PARAMETERS
from bad_input.uses_testing import KIT
from bad_input.uses_training import TRAINING

#: Uses that do not do what their rows say yet, and why. Whoever mends one takes it out of here.
OPEN = {
    **dict.fromkeys(("Dense.train", "Sequential.train"), "train(mode) takes anything for a truth value"),
    **dict.fromkeys(
        ("schedules.multi_step, a class of milestones", "schedules.sequential, a class of milestones"),
        "a class has __iter__ as well",
    ),
    "Checkpoint, directory": "a TypeError of pathlib's",
    "GradientMonitor, of some data": "an error of NumPy's",
    "Trainer.fit, progress": "takes anything for a truth value",
    "Trainer.sample": "rows is not looked at",
    "Trainer.resume": "the directory is not looked at; a number is that of an open file",
    "find_learning_rate, of a trainer": "an AttributeError",
    **dict.fromkeys(("load, paths", "Trainer.load_checkpoint"), "a wrong argument is called a damaged file"),
    "History.append": "takes what is no dict",
    **dict.fromkeys(("History.to_csv", "History.to_json", "History.from_json"), "the path is not looked at"),
    "History.table": "rows is not looked at",
}
USES = [*LAYERS, *PARAMETERS, *LOSS_USES, *METRIC_USES, *OPTIMIZERS, *CLIPPING, *DATA_USES, *KIT, *TRAINING]
