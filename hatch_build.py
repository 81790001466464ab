"""What hatchling does besides when it builds wheelfix: it puts a bill of materials into the wheel, as PEP 770 has it.

The bill (CycloneDX 1.6) lists what wheelfix requires, and what only its extras do. The wheel contains no software of others.
There is no time stamp and no random id: the same source gives the same bytes.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.requirements import Requirement

NAME = "wheelfix-requirements.cdx.json"
"""Its name in dist-info/sboms: wheelfix.cdx.json is what wheelfix writes into wheels that it has fixed."""
KINDS = {"Documentation": "documentation", "Homepage": "website", "Issues": "issue-tracker", "Changelog": "release-notes"}
"""What CycloneDX calls a URL of the project."""


class BillOfMaterials(BuildHookInterface):
    """Writes the bill beside the sources of the wheel, for as long as the build takes."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the bill, and have it put into the wheel; an editable installation has none."""
        self._folder = tempfile.TemporaryDirectory()
        if version == "standard":
            path = Path(self._folder.name) / NAME
            path.write_text(self._bill(), "ascii", newline="\n")
            build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Delete what was written for the build."""
        self._folder.cleanup()

    def _bill(self) -> str:
        core = self.metadata.core
        own = f"pkg:pypi/{core.name}@{self.metadata.version}"
        required = _by_name(core.dependencies)
        optional = {extra: _by_name(texts) for extra, texts in sorted(core.optional_dependencies.items())}
        names = sorted({*required, *(name for found in optional.values() for name in found)})
        components = [_component(name, required.get(name, []), optional) for name in names]
        references = [each["bom-ref"] for each in components]
        bill = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": {
                    "type": "application",
                    "bom-ref": own,
                    "name": core.name,
                    "version": self.metadata.version,
                    "description": core.description,
                    "licenses": [{"license": {"id": core.license_expression}}],
                    "purl": own,
                    "externalReferences": [{"type": KINDS[name], "url": url} for name, url in sorted(core.urls.items())],
                }
            },
            "components": components,
            "dependencies": [{"ref": own, "dependsOn": references}, *({"ref": each} for each in references)],
            "compositions": [
                {"aggregate": "complete", "dependencies": [own]},
                {"aggregate": "unknown", "dependencies": references},
            ],
        }
        return json.dumps(bill, indent=2) + "\n"


def _by_name(texts: list[str]) -> dict[str, list[str]]:
    """Return the requirements by the name of the project; one can be named several times, with other markers."""
    found: dict[str, list[str]] = {}
    for text in texts:
        found.setdefault(Requirement(text).name.lower(), []).append(text)
    return found


def _component(name: str, required: list[str], optional: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    """Return one project that is required: which versions, and for which extras."""
    said = [{"name": "wheelfix:requirement", "value": each} for each in required]
    for extra, found in optional.items():
        said += [{"name": f"wheelfix:requirement-of-extra-{extra}", "value": each} for each in found.get(name, [])]
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}",
        "name": name,
        "scope": "required" if required else "optional",
        "purl": f"pkg:pypi/{name}",
        "properties": said,
    }
