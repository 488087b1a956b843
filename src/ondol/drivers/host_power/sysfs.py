"""Reads and writes the kernel's one-value files, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path

from ondol.model.errors import UnavailableError

NEEDS_ROOT = "needs root: run the site agent as root, or give its user write permission by a udev or tmpfiles rule"


class SysFiles:
    """Files of sysfs and cgroupfs. Tests put a tree in its place that clamps, ignores or refuses, as kernels do."""

    def read(self, path: Path) -> str:
        """Give the text of a file, without white space around it; raises OSError."""
        return path.read_text(encoding="ascii").strip()

    def write(self, path: Path, text: str) -> None:
        """Write a value to a file that exists; raises OSError where the kernel refuses it."""
        with path.open("r+", encoding="ascii") as file:
            file.write(text)

    def exists(self, path: Path) -> bool:
        """Whether the kernel has such a file."""
        return path.exists()

    def whole(self, path: Path) -> int:
        """Give the whole number in a file.

        Raises
        ------
        UnavailableError : it cannot be read, or holds no number
        """
        try:
            return int(self.read(path))
        except PermissionError:
            raise UnavailableError(f"{path} {NEEDS_ROOT}") from None
        except (OSError, ValueError) as error:
            raise UnavailableError(f"{path} cannot be read: {error}") from None

    def put(self, path: Path, value: int | str) -> None:
        """Write a value.

        Raises
        ------
        UnavailableError : the kernel refuses, or there is no such file
        """
        try:
            self.write(path, str(value))
        except PermissionError:
            raise UnavailableError(f"{path} {NEEDS_ROOT}") from None
        except OSError as error:
            raise UnavailableError(f"{path} does not take {value}: {error}") from None
