# Two commands for a newcomer: `make demo` and `make test`. Each does all of its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
FAST := not controlplane and not browser and not package and not kind
PYTEST := $(BIN)/python -m pytest -q

.PHONY: help environment demo lint test test-fast binaries test-local test-kind targets bench-stability bench-provisioning bench-audit bench-load bench-soak detection test-detection lock clean

help: ## Say what there is to do.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

environment: ## Make .venv from the locked requirements, by a pinned uv.
	@ci/steps/environment.sh

demo: environment binaries ## Judge the guestbook operator on a real control plane (first time: 20 minutes of building).
	@$(BIN)/harness run --suite smoke --target guestbook

lint: environment ## ruff, mypy, import-linter.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd operators_under_test/reference && ../../$(BIN)/mypy --strict --config-file= -p noteboard
	$(BIN)/lint-imports

test: lint test-fast test-local ## All static checks and all tests.

test-fast: environment ## Tests that need no cluster, with the coverage bars.
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n logical --maxprocesses=4 -m "$(FAST)"
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --fail-under=95 --include='harness/analysis/*,harness/verdict/*,harness/targets/*'

binaries: environment ## Find or build the control plane's binaries.
	@$(BIN)/harness assets fetch

test-local: environment binaries ## Tests on a real control plane, in a real browser, of the real wheel.
	@ci/steps/browser.sh
	@ci/steps/allure.sh >/dev/null
	cd operators_under_test/guestbook && go vet ./... && go test ./...
	cd operators_under_test/application && go vet ./... && go test ./...
	cd operators_under_test/imoocpod && go vet ./... && go test ./...
	cd operators_under_test/podtato-head && go vet ./... && go test ./...
	cd operators_under_test/synthetic && go vet ./... && go test ./...
	cd operators_under_test/fixtures && go vet ./... && go test ./...
	$(PYTEST) -n 3 --dist loadfile --durations=20 -m "(controlplane or browser or package) and not kind"

test-kind: environment binaries ## Tests on real kind clusters (first time: builds a node image, 25 minutes).
	@ci/steps/docker.sh start
	@ci/steps/kind-node.sh
	$(PYTEST) --durations=10 -m kind

targets: ## Build the operators of other projects (first time: 5 minutes).
	cd operators_under_test/prometheus-operator && env CGO_ENABLED=0 go build -trimpath '-ldflags=-s -w' \
	  -o bin/operator github.com/prometheus-operator/prometheus-operator/cmd/operator
	cd operators_under_test/argo-rollouts && env CGO_ENABLED=0 go build -trimpath '-ldflags=-s -w' \
	  -o bin/rollouts-controller github.com/argoproj/argo-rollouts/cmd/rollouts-controller

bench-stability: environment binaries ## Ten smoke runs in a row, and ten with one core kept busy: the same verdict?
	$(BIN)/python ci/benchmarks/stability.py

bench-provisioning: environment binaries ## Making, ending and restoring clusters, beside kwokctl and envtest.
	$(BIN)/python ci/benchmarks/provisioning.py

bench-load: environment binaries ## The load suite's figures beside rivals and known truths (two hours; BARS=1,4 for some).
	@PYTHONPATH=ci $(BIN)/python ci/benchmarks/load/bars.py $(BARS)

bench-soak: environment binaries ## Are leaks found, and only leaks (150 minutes; BARS=1,2 for some, RESUME=folder goes on, FULL=1)?
	@PYTHONPATH=ci $(BIN)/python ci/benchmarks/soak/bars.py $(BARS) $(if $(RESUME),--resume $(RESUME)) $(if $(FULL),--full)

bench-audit: environment ## A million audit events: how long, and how much memory, does analysing them take?
	$(BIN)/python ci/benchmarks/audit.py
detection: environment binaries ## Which check finds which seeded defect? ONLY='guestbook/* RBA-103', FRESH=1, JOBS=2, PUBLISH=1.
	@PYTHONPATH=ci $(BIN)/python -m detection $(if $(ONLY),--only '$(ONLY)') $(if $(FRESH),--fresh) $(if $(EARLIER),--earlier) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(PUBLISH),--publish docs/detection-matrix.md)

test-detection: environment binaries ## The defects that manifests show, and a few others, are found.
	@PYTHONPATH=ci $(BIN)/python -m detection --sample --fresh --output harness-runs/detection-sample

lock: environment ## Lock the requirements anew.
	ci/steps/lock.sh

clean: ## Remove what was built here (not the caches).
	rm -rf .venv dist .mypy_cache .ruff_cache .import_linter_cache .coverage
