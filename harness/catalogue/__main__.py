"""`python -m harness.catalogue` writes docs/checks.md of a checkout anew."""

from harness.catalogue.page import render_page
from harness.resources import bundled

if __name__ == "__main__":
    bundled("docs", "checks.md").write_text(render_page(), encoding="utf-8")
