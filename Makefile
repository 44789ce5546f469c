# Two commands on a fresh machine: make demo, make test. The rest is for those who change Penstock.
PYTHON ?= python3
RUN := .venv
DEV := .venv-dev
export PIP_DISABLE_PIP_VERSION_CHECK := 1
COMPILE := pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: help demo test check soak coverage mutation bench locks clean

help:
	@echo "make demo      set up and replay two real defaults"
	@echo "make test      set up and run the tests (about four minutes)"
	@echo "make check     style, types, locks, structure"
	@echo "make soak      the property tests with 10,000 examples each"
	@echo "make coverage  branch coverage of core, which must be 100 %"
	@echo "make mutation  mutation score of money and waterfall"
	@echo "make bench     timings, side by side, as ratios"
	@echo "make locks     resolve the locks again after a change of dependencies"

# One way to set up both environments: a virtual environment, uv from its lock, packages from theirs.
define set_up
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --require-hashes -r locks/tools.txt
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python --require-hashes -r $(2)
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation --editable .
	@touch $(1)/.ready
endef

$(RUN)/.ready: locks/tools.txt locks/run.txt pyproject.toml
	@echo "Setting up $(RUN) ..."
	$(call set_up,$(RUN),locks/run.txt)

$(DEV)/.ready: locks/tools.txt locks/dev.txt pyproject.toml
	@echo "Setting up $(DEV) ..."
	$(call set_up,$(DEV),locks/dev.txt)

demo: $(RUN)/.ready
	@mkdir -p demo
	@$(RUN)/bin/penstock precedents replay nasdaq-2018
	@$(RUN)/bin/penstock precedents replay krx-2013
	@$(RUN)/bin/penstock precedents compare nasdaq-2018 krx-2013 \
		--picture demo/waterfalls.svg --picture demo/waterfalls.png
	@echo
	@echo "The picture of both: demo/waterfalls.svg and demo/waterfalls.png. Now try:"
	@echo "  $(RUN)/bin/penstock precedents replay krx-2013 --what-if ccp=20000000000@member_fund"
	@echo "  $(RUN)/bin/penstock precedents replay nasdaq-2018 --what-if without=junior_capital"
	@echo "  $(RUN)/bin/penstock rulebook explain nasdaq/commodities@2018-09-11"
	@echo "  $(RUN)/bin/penstock init my-service     # a rulebook and a scenario of your own"

test: $(DEV)/.ready
	@$(DEV)/bin/pytest -n 2 --dist worksteal

check: $(DEV)/.ready
	@$(DEV)/bin/ruff check
	@$(DEV)/bin/ruff format --check --quiet
	@$(DEV)/bin/mypy
	@$(DEV)/bin/pytest tests/test_house.py tests/test_tidy.py
	@for set in run:build dev:dev; do \
		cp locks/$${set%%:*}.txt $(DEV)/lock.txt && \
		$(DEV)/bin/uv $(COMPILE) pyproject.toml --group $${set##*:} -o $(DEV)/lock.txt > /dev/null && \
		cmp $(DEV)/lock.txt locks/$${set%%:*}.txt || \
		{ echo "locks/$${set%%:*}.txt does not match pyproject.toml: run make locks"; exit 1; }; \
	done

soak: $(DEV)/.ready
	$(DEV)/bin/pytest -n 2 --hypothesis-profile=soak tests/core tests/store

coverage: $(DEV)/.ready
	$(DEV)/bin/pytest --hypothesis-profile=coverage --cov --cov-fail-under=100 tests

mutation: $(DEV)/.ready
	$(DEV)/bin/mutmut run --max-children 2
	$(DEV)/bin/mutmut export-cicd-stats
	@$(DEV)/bin/python -c "import json; s = json.load(open('mutants/mutmut-cicd-stats.json')); \
		n = s['total'] - s['skipped']; k = n - s['survived'] - s['no_tests']; \
		print(f'mutation score: {k} of {n} mutants noticed, {100 * k / n:.1f} %')"

bench: $(DEV)/.ready
	$(DEV)/bin/python benchmarks/allocation.py
	$(DEV)/bin/python benchmarks/simulation.py
	$(DEV)/bin/python benchmarks/rare.py

locks: $(DEV)/.ready
	$(DEV)/bin/uv $(COMPILE) locks/tools.in -o locks/tools.txt
	$(DEV)/bin/uv $(COMPILE) pyproject.toml --group build -o locks/run.txt
	$(DEV)/bin/uv $(COMPILE) pyproject.toml --group dev -o locks/dev.txt

clean:
	rm -rf $(RUN) $(DEV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants
