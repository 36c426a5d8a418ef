"""Nothing on the screen but the figures."""

from __future__ import annotations

import logging
import os
import warnings


def quiet() -> None:
    """Silence the libraries' own logs, warnings and progress bars; to be called before they are imported."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
