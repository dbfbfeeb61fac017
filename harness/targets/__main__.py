"""Stage 1: `python -m harness.targets` writes what a checkout holds of the schema.

That is the JSON Schemas in reports/schema, and the table of keys in docs/target.md.
"""

from harness.resources import bundled
from harness.targets.exporting import export, refresh

if __name__ == "__main__":
    export(bundled("reports", "schema"))
    page = bundled("docs", "target.md")
    if page.is_file():
        page.write_text(refresh(page), encoding="utf-8")
