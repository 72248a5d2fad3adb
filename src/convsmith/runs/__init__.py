"""The run folder: the only bridge from doing to showing."""

from .environment import environment
from .files import CannotWrite, append_line, read_lines, to_json, write_whole
from .folder import RunBusy
from .run import NotARun, OtherVersion, Run, run_key

__all__ = [
    "CannotWrite", "NotARun", "OtherVersion", "Run", "RunBusy",
    "append_line", "environment", "read_lines", "run_key", "to_json", "write_whole",
]  # fmt: skip
