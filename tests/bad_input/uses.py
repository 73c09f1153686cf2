"""All uses of public callables."""

from __future__ import annotations

from bad_input.uses_data import DATA_USES
from bad_input.uses_layers import LAYERS
from bad_input.uses_losses import LOSS_USES, METRIC_USES
from bad_input.uses_optimizers import CLIPPING, OPTIMIZERS, PARAMETERS
from bad_input.uses_testing import KIT
from bad_input.uses_training import TRAINING

USES = [*LAYERS, *PARAMETERS, *LOSS_USES, *METRIC_USES, *OPTIMIZERS, *CLIPPING, *DATA_USES, *KIT, *TRAINING]
