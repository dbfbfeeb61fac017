"""`python -m harness.catalogue` writes anew what a checkout's texts say of the checks.

That is docs/checks.md, and the table in README.md.
"""

from harness.catalogue.page import refresh_overview, render_page
from harness.resources import bundled

if __name__ == "__main__":
    bundled("docs", "checks.md").write_text(render_page(), encoding="utf-8")
    readme = bundled("README.md")
    readme.write_text(refresh_overview(readme.read_text(encoding="utf-8")), encoding="utf-8")
