"""Stage 1: `python -m harness.targets` writes the JSON Schemas into a checkout's reports/schema."""

from harness.resources import bundled
from harness.targets.exporting import export

if __name__ == "__main__":
    export(bundled("reports", "schema"))
