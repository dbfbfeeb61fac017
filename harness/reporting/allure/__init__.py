"""Stage 7: `allure-results/`, the folder that Allure makes its report of.

layout    the files' types, as Allure reads them
results   one result for each case of the run
raw       what allure-pytest wrote of the suite's tests: steps and attachments of their authors
context   environment.properties, categories.json, executor.json
folder    writes all of it, in place of what was there

Nothing here is judged: the states are those of `harness.reporting.cases`, as in junit.xml. What
allure-pytest thought of a test is evidence only; a step of a test is red where its case is.
"""

from __future__ import annotations

from harness.reporting.allure.folder import write_allure

__all__ = ["write_allure"]
