# make            what there is
PYTHON ?= python3
BIN    := .venv/bin
# Matrices of some 80 rows: threads would only cost.
export OPENBLAS_NUM_THREADS := 1
# Hundreds of processes start during the tests: where containers forbid bytecode, each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
# Prometheus and Alertmanager of `make monitoring-tools`, if they were built, before those of the system.
export PATH := $(CURDIR)/.tools/bin:$(PATH)
# Kernels that every x86-64 processor can run, and the tests whose results depend on them.
KERNELS := Prescott Nehalem
NUMERIC_TESTS := tests/volcast/core/test_snapshot.py tests/volcast/core/models tests/volcast/core/market tests/volcast/core/estimators \
	tests/volcast/core/test_engine_forecasts.py tests/volcast/core/forecast tests/volcast/backtest tests/contracts/test_estimators.py tests/contracts/test_models.py volcast/core

DRY := $(if $(DRY_RUN),--dry-run)

# One more than processors, since many tests wait for other processes; at most five, since each has a Kafka broker.
TEST_PROCESSES ?= $(shell n=$$(nproc); echo $$((n < 4 ? n + 1 : 5)))

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev compile pure run test test-packages test-kernels test-quick check lint fuzz prove prove-live bench bench-accuracy bench-simulation bench-signal-counts bench-batch bench-peers bench-live bench-recovery bench-pipeline bench-memory bench-log-size bench-archive bench-scale bench-startup bench-drift bench-scrape bench-stream bench-predict bench-http bench-regression bench-accuracy-change model-gate load-test bench-arena bench-library bench-adaptation build deploy rollback health-check monitoring scan audit deploy-cluster rollback-cluster test-stack test-stack-lifecycle test-kubernetes test-chart kubernetes-tools workflow-tools test-lifecycle lifecycle-tools manifests sbom batch-smoke docs dashboards pictures monitoring-tools log-collector screenshots lock clean

help:            ## print this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ sub(/ .*/, "", $$1); printf "make %-20s %s\n", $$1, $$2 }'

setup: .venv/core             ## build .venv with the locked requirements; then .venv/bin/volcast exists

setup-dev: .venv/ready-dev .venv/core  ## the same with what the tests need

compile:          ## compile the core again, after a change of its source
	rm -f .venv/core && $(MAKE) --no-print-directory .venv/core

pure: setup       ## go without the compiled core, until its source changes or `make compile`
	find volcast/core -name '*.so' -delete

run: setup            ## start everything in one process, on bundled sample candles
	$(BIN)/volcast run

test: setup-dev            ## all tests but those below, those on a real Kafka broker included
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist worksteal -m "not packages"

test-packages: setup-dev            ## the tests of the wheel, of the batch job's image, and of bots' frameworks, which they install once
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist worksteal -m packages tests

test-kernels: setup-dev            ## the tests of the arithmetic with two other BLAS kernels, as on other processors
	printf '%s\n' $(KERNELS) | xargs -P 2 -I KERNEL env OPENBLAS_CORETYPE=KERNEL $(BIN)/pytest -p no:cacheprovider $(NUMERIC_TESTS)

test-quick: setup-dev            ## the tests that need no broker and no other process; two minutes
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m "not slow"

check: lint test-quick            ## what to run before a commit

lint: setup-dev            ## ruff, codespell and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

fuzz: setup-dev            ## a million broken inputs to the decoders, the shard and the parsers of venues; the long form of tests
	TEST_FUZZ_INPUTS=1000000 $(BIN)/pytest --timeout 0 tests/volcast/core/test_decoder_fuzz.py tests/consumer/test_shard_fuzz.py tests/contracts/test_feeds_fuzz.py
	TEST_LONG_FORM=1 $(BIN)/pytest --timeout 0 $$(grep -rlE --include='test_*.py' 'long_form|tests.command' tests)

prove: setup            ## 200 kills on SQLite and 200 on Kafka, and 20 000 simulated seeds; half an hour
	$(BIN)/volcast prove --bus simulated --seeds 20000
	$(BIN)/volcast prove --bus sqlite --kills 200
	$(BIN)/volcast prove --bus kafka --kills 200

prove-live: setup            ## 20 simulated days of each venue, with every fault; an hour on two processors
	for venue in binance coinbase kraken bybit okx bitstamp; do $(BIN)/volcast prove --live $$venue --seeds 20 || exit 1; done

bench: setup            ## time and size of the engine
	$(BIN)/python -m bench.engine

bench-library: setup            ## what a data frame costs beside the engine
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.library

bench-accuracy: setup            ## whether forecasts are as good as they were; CANDLES="FILE …" for real months, too
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.accuracy --check $(CANDLES)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.accuracy --check --cold-start $(CANDLES)

bench-simulation: setup            ## the simulated market's statistics; CANDLES="FILE …" for real ones beside them
	$(BIN)/python -m bench.simulation $(CANDLES)

bench-signal-counts: setup            ## whether batch job, library, backtest and pipeline agree; needs CANDLES="FILE …"
	$(BIN)/python -m bench.signal_counts $(CANDLES)

bench-batch: setup            ## the batch job beside the same job in pandas, which it installs elsewhere; CANDLES=FILE for real rows
	$(BIN)/python -m bench.batch $(CANDLES)

bench-peers: setup            ## other stream processors on the same broker, which it installs elsewhere; then the latency; 15 minutes
	$(BIN)/python -m bench.peers
	$(BIN)/python -m bench.peers --latency

bench-live: setup            ## whether the live producer keeps up with 2 000 trades a second
	$(BIN)/python -m bench.live

bench-drift: setup            ## false alarms and delays of the drift detectors; CANDLES="FILE …" for a real market, too
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.drift $(CANDLES)

bench-adaptation: setup        ## does a copy of the champion help that forgets faster, and takes over when losses say so; CANDLES="FILE …"
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.adaptation $(CANDLES)

bench-arena: setup            ## scenario paths by the rules of a competition, whose scorer it installs elsewhere; needs CANDLES=FILE
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.arena $(CANDLES)

bench-pipeline: setup            ## what the pipeline over Kafka costs beside its engine; two workers beside one
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.pipeline --workers

bench-recovery: setup            ## how soon a consumer is back
	$(BIN)/python -m bench.recovery

bench-scrape: setup            ## time and size of a scrape of 1000 symbols
	$(BIN)/python -m bench.scrape

bench-stream: setup            ## how soon 1000 clients of /stream have a row; what the history needs
	$(BIN)/python -m bench.stream

bench-regression: setup-dev            ## whether the hot core is slower than before, by time and by instructions; BASE=REVISION, ROUNDS=0: no times
	$(BIN)/python -m bench.regression $(if $(BASE),--base $(BASE)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(OUTPUT),--output $(OUTPUT))

bench-accuracy-change: setup            ## whether forecasts are better or worse than before; BASE=REVISION
	$(BIN)/python -m bench.accuracy_change $(if $(BASE),--base $(BASE)) $(if $(OUTPUT),--output $(OUTPUT))

model-gate: setup-dev            ## whether the model is worse than before beyond chance, by the rule of `volcast compare`; BASE=REVISION
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.model_gate $(if $(BASE),--base $(BASE)) $(if $(OUTPUT),--output $(OUTPUT))

load-test: setup            ## drive API and pipeline with locust, which it installs elsewhere, for half a minute; OUTPUT=FILE, LOAD="OPTIONS"
	$(BIN)/python -m bench.load $(if $(OUTPUT),--output $(OUTPUT)) $(LOAD)

bench-http: setup            ## how many requests a second /latest/{symbol} answers, beside a bare app on the same server
	$(BIN)/python -m bench.http

bench-predict: setup            ## how long POST /predict takes for a day and for a week of minutes
	$(BIN)/python -m bench.predict

bench-scale: setup            ## cost, memory and restore for 1 to 10 000 symbols, 1 to 64 partitions, 1 and 2 workers; half an hour
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.scale

bench-startup: setup            ## processor time of each command's start, and of waiting processes
	$(BIN)/python -m bench.startup

bench-memory: setup            ## ten million candles: whether memory stays flat
	$(BIN)/python -m bench.memory

bench-log-size: setup            ## the size of a SQLite log over 200 000 minutes, with and without retention
	$(BIN)/python -m bench.log_size

bench-archive: setup-dev            ## what archiving a log costs, the size of the files, compaction; TO=s3://BUCKET/PREFIX
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.archive $(if $(TO),--to $(TO))

batch-smoke:            ## build the image of the batch job, run it, and remove it
	deploy/batch-smoke.sh

build:            ## build the image of all services; DRY_RUN=1 prints what it would do
	deploy/scripts/build.sh $(DRY) $(IMAGE)

deploy:            ## start docker-compose.yml, or replace the image of what runs, and roll back if it fails; IMAGE=…, DRY_RUN=1
	deploy/scripts/deploy.sh $(DRY) $(IMAGE)

rollback:            ## return to the image from before the last deployment; DRY_RUN=1
	deploy/scripts/rollback.sh $(DRY)

health-check:            ## the state of each service that was deployed
	deploy/scripts/health-check.sh

monitoring:            ## start Prometheus, Alertmanager and Grafana alone; DRY_RUN=1
	deploy/scripts/monitoring.sh $(DRY)

scan:            ## look for known vulnerabilities in the image with grype; IMAGE=…
	deploy/scripts/scan.sh $(IMAGE)

audit:            ## known vulnerabilities in the locked packages, secrets in the history; pip-audit and gitleaks go to ~/.cache/volcast
	deploy/scripts/audit.sh

deploy-cluster:            ## deploy with Helm, test, and roll back if it fails; ENVIRONMENT=staging IMAGE=NAME@sha256:…, DRY_RUN=1
	deploy/scripts/cluster.sh $(DRY) deploy $(ENVIRONMENT) $(IMAGE)

rollback-cluster:            ## return to the revision of the release before; ENVIRONMENT=staging, DRY_RUN=1
	deploy/scripts/cluster.sh $(DRY) rollback $(ENVIRONMENT)

test-stack: setup-dev            ## bring docker-compose.yml up, break it, deploy a broken image, look that no candle is lost; ten minutes
	TEST_STACK=1 $(BIN)/pytest -s --no-header -p no:randomly tests/deploy/test_stack.py

test-stack-lifecycle: setup-dev            ## the same with deploy/compose/lifecycle.yml: archiver, S3, MLflow, a night, the audit
	TEST_STACK_LIFECYCLE=1 $(BIN)/pytest -s --no-header -p no:randomly tests/deploy/test_stack_lifecycle.py

test-kubernetes: setup-dev            ## the chart and the manifests on a real API server, and their pods under podman
	TEST_KUBERNETES=1 $(BIN)/pytest --no-header -p no:randomly tests/deploy/kubernetes/test_cluster.py tests/deploy/kubernetes/test_cluster_lifecycle.py tests/deploy/kubernetes/test_play.py tests/deploy/test_terraform.py

test-chart: setup-dev            ## the chart and the manifests with Helm 3, Helm 4 and kubeconform, which it builds; needs Go
	deploy/kubernetes-tools.sh chart
	$(BIN)/pytest --no-header -p no:randomly tests/deploy/kubernetes/test_chart.py

test-lifecycle: setup-dev            ## the long loop: S3, MLflow, Airflow, DVC, and a simulated week with a promotion; six minutes
	timeout $(or $(BUILD_LIMIT_S),1800) deploy/lifecycle-tools.sh || echo "SEAWEEDFS WAS NOT BUILT: the S3 server of the tests is moto's" >&2
	TEST_LIFECYCLE=1 $(BIN)/pytest --no-header -p no:randomly --numprocesses 2 --dist loadfile --timeout 900 tests/lifecycle/test_week.py tests/lifecycle

lifecycle-tools:            ## build SeaweedFS for the tests of the long loop; needs Go, 7 minutes of processor time once
	deploy/lifecycle-tools.sh

workflow-tools:            ## build actionlint for the test of the workflows; needs Go
	deploy/workflow-tools.sh

kubernetes-tools:            ## build Helm, kubeconform, a control plane and OpenTofu for the tests; needs Go, half an hour once
	deploy/kubernetes-tools.sh

manifests:            ## write the plain manifests of deploy/k8s from the Helm chart
	deploy/render-k8s.sh

sbom:            ## write dist/sbom.cdx.json: what is installed in the image, from the lock, as CycloneDX
	deploy/scripts/sbom.sh $(DRY)

docs: setup-dev            ## write the parts of the documents that come from code
	$(BIN)/python -m tests.docs_tables
	$(BIN)/python -m tests.lifecycle.picture docs/lifecycle.svg

dashboards: setup-dev            ## write Grafana's dashboards and alert rules from monitoring/grafana
	$(BIN)/python -m monitoring.grafana

pictures: setup-dev            ## draw the dashboards from a pipeline with planted troubles, for docs/monitoring.md; seven minutes
	$(BIN)/python -m monitoring.grafana.pictures docs/pictures

log-collector:            ## build the OpenTelemetry Collector of monitoring/logging-config.yaml, for its test; needs Go
	monitoring/build-collector.sh

monitoring-tools:            ## build the newest Prometheus and Alertmanager for the tests, instead of the system's; needs Go
	monitoring/build-tools.sh

screenshots: setup-dev            ## take the pictures of the page anew, for docs/page.md; needs Chromium
	$(BIN)/python -m tests.page.pictures

lock:            ## pin anew what pyproject.toml asks for (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade --extra report --extra tracing pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade --extra lifecycle --extra report --extra tracing -c requirements.txt pyproject.toml -o requirements-lifecycle.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade --extra dev --extra lifecycle --extra report --extra tracing -c requirements-lifecycle.txt pyproject.toml -o requirements-dev.txt
	printf 'mypy\nsetuptools\n' | uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -c requirements-dev.txt - -o requirements-build.txt

clean:            ## remove what setup and the tests made
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "volcast needs Python 3.11 or newer; $(PYTHON) is older. Say make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/ready: .venv/bin/python requirements.txt pyproject.toml
	@echo "installing the locked requirements into .venv; this takes a minute or two"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# Compiles the core, too, if there is a C compiler. Without one everything runs, and a step takes three times as long.
.venv/core: .venv/ready requirements-build.txt setup.py $(shell find volcast/core -name '*.py')
	@command -v $${CC:-cc} >/dev/null && echo "compiling the core; this takes a minute or two" || echo "no C compiler: the core stays Python, and slower"
	find volcast/core -name '*.so' -delete
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt
	@echo "installing what the tests need into .venv; this takes a minute or two"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
