"""The machine that a result was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nait_widgets.store.mapping import available_cpus

_PACKAGES = ("nait-widgets", "torch", "transformers", "tokenizers", "zarr", "xarray", "dask", "numpy")


def machine() -> dict[str, Any]:
    """Processor, memory, system, versions and card, JSON-able."""
    return {
        "cpu": _cpu(),
        "cores": available_cpus(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),  # well under the cores, or the figures tell of other work too
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "gpu": _gpu(),
    }


def in_words(machine: dict[str, Any]) -> str:
    """The same as one sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    card = f", {machine['gpu']}" if machine["gpu"] else ""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB{card}, {machine['system']}, "
        f"load {machine['load_before']} before; Python {machine['python']}, {versions}"
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
