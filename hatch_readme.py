"""The README as a package index shows it: links that are relative here lead to the project's own address.

``CONVSMITH_HOME=https://host/owner/convsmith`` says that address while the package is built for an index. A
package that is built without it names no address, and its description has words where the README has links.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def for_an_index(readme: str, home: str) -> str:
    """The text without a relative link.

    Args:
        readme: Markdown.
        home: the address of the project, without a slash at its end; "" where it has none.
    """

    def turned(found: re.Match[str]) -> str:
        image, text, target = found.groups()
        if not home:
            return text if not image else ""
        return f"{image}[{text}]({home}/{'raw' if image else 'blob'}/main/{target})"

    return LINK.sub(turned, readme)


class Described(MetadataHookInterface):
    """Description and addresses of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put them where the builder looks for them."""
        home = os.environ.get("CONVSMITH_HOME", "").rstrip("/")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_an_index(text, home)}
        if home:
            metadata["urls"] = {
                "Homepage": home,
                "Documentation": f"{home}/tree/main/docs",
                "Changelog": f"{home}/blob/main/CHANGELOG.md",
                "Issues": f"{home}/issues",
            }
