# demo, test, lint, bench, docs: each sets up .venv first, once, and again when what it is made of
# has changed. Needs only Python >= 3.11 with headers, a C++ compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CPP := $(wildcard csrc/*.hpp csrc/*.cpp csrc/tests/*.cpp)
TEST_PROCESSES ?= 2
OPTIONS ?=
# Whatever the caller's is: what Python has compiled once, later processes find.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo test thorough snippets sanitize faults fuzz values twins soak lint format bench kernels figures docs gallery release clean

install: $(STAMP)

# The whole way, into runs/dark-room: collects, trains, evaluates, writes report.html. A second call
# goes on where an interrupted one stopped.
demo: $(STAMP)
	$(BIN)/adfast run dark-room

# One thread each: OpenMP's barriers spin when processes share cores. Each process has one half
# of the files, those with slow tests first, and takes from the other's when it is done: what a file's
# tests share is made once.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal $(OPTIONS)

# The rows of tables of which the suite takes one of each kind, and what takes long while something
# smaller proves the same: before a release (docs/releasing.md).
thorough: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal -m thorough

# Every block of README and docs as a reader types it, at full size, twice: hours. The suite does so
# with small sizes. PAGES="README.md docs/quickstart.md" chooses.
PAGES ?=
snippets: $(STAMP)
	PYTHONPATH=tests:. $(BIN)/python -m snippets.carry_out $(PAGES)

# Ring, gather and pool under sanitizers, a million windows each, attention and recurrent layers: some
# ten minutes.
sanitize: $(STAMP)
	$(BIN)/python tests/histories/sanitize.py
	$(BIN)/python tests/attention/sanitize.py

# The whole campaign of injected faults (docs/reliability.md), TRIALS times as many random ones as in
# the suite, and a table of all.
TRIALS ?= 10
faults: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) -m faults --fault-trials=$(TRIALS)

# Damaged and hostile stores, EXECUTIONS of them; input N again: -m fuzzing.campaign --first N
# --executions 1.
EXECUTIONS ?= 1000000
fuzz: $(STAMP)
	PYTHONPATH=tests/histories $(BIN)/python -m fuzzing.campaign --executions $(EXECUTIONS)

# Hostile values at every public face, CALLS of them, and a table of all; SEED=1 for others.
CALLS ?= 100000
SEED ?= 0
values: $(STAMP)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m attacks.campaign --calls $(CALLS) --seed $(SEED)

# Every family, in all its options, beside its plain-Python twin: STEPS random steps in all.
STEPS ?= 10000000
twins: $(STAMP)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m tasks.many_steps --steps $(STEPS) --seed $(SEED)

# Ring traffic at full speed, numbered from just below 2^32: is the memory flat, is a window torn?
MINUTES ?= 10
soak: $(STAMP)
	$(BIN)/python tests/histories/soak.py --minutes $(MINUTES)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

bench: $(STAMP)
	$(BIN)/adfast bench

# Compiles every shipped GPU kernel for sm_80 and sm_90, with the oldest Triton and the newest, and
# compares its registers and instructions with the table; RECORD=1 writes the table instead.
OLDEST_TRITON := $(VENV)/triton-3.6.0
kernels: $(STAMP) $(OLDEST_TRITON)/.installed
	for environment in $(VENV) $(OLDEST_TRITON); do \
		PYTHONPATH=. $$environment/bin/python tests/attention/triton/kernel_inspection.py \
			$(if $(RECORD),--record) || exit 1; \
	done

$(OLDEST_TRITON)/.installed: $(STAMP)
	$(PYTHON) -m venv $(OLDEST_TRITON)
	$(OLDEST_TRITON)/bin/pip install --quiet -c constraints.txt torch numpy
	$(OLDEST_TRITON)/bin/pip install --quiet triton==3.6.0
	touch $@

# What README.md and docs/ show of the demo's result and of the newest benchmark records.
figures: $(STAMP)
	$(BIN)/python docs/show_demo.py
	$(BIN)/python -m benchmarks.figures

# The documentation as a site, in site/; a link that leads nowhere fails it.
docs: $(STAMP)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --jobs auto -d build/doctrees docs site

# Sdist and wheels into dist/, each examined and tried in a bare environment (docs/releasing.md); the
# first of PYTHONS runs the demo too.
PYTHONS ?= $(PYTHON)
release: $(STAMP)
	$(BIN)/python -m releasing $(PYTHONS)

# Finished pages, in site/gallery/: at the recipes' sizes or, with SMALL=1, in minutes.
SMALL ?=
gallery: $(STAMP)
	$(BIN)/python docs/gallery.py $(if $(SMALL),--small)

# torch comes pinned: a bare requirement would fetch its newest and largest build. What is slow goes
# side by side: torch, all else that CI's versions name, and the extension, built by the pinned tools
# without an isolated environment (setuptools would warn of editable installations). pip itself comes
# first: the one that Python 3.11 brings takes twice as long for a package. The last pip finds what it
# names, or fetches it where one of those versions is not there for this Python or system.
# pip would compile Python's files on one core; those that nothing imports wait until something does.
$(STAMP): pyproject.toml setup.py constraints.txt $(wildcard csrc/*.hpp csrc/*.cpp)
	@rm -f $@
	@$(PYTHON) -c "$$CHECK_MACHINE"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) pip setuptools pybind11
	@grep -v '^torch==' constraints.txt >$(VENV)/others.txt
	PYTHONWARNINGS=ignore $(PIP_INSTALL) --no-deps --no-build-isolation -e . & building=$$!; \
		$(PIP_INSTALL) --no-deps torch & fetching=$$!; \
		$(PIP_INSTALL) --no-deps -r $(VENV)/others.txt || echo 'pip takes what is there'; \
		wait $$building && wait $$fetching
	$(PIP_INSTALL) 'adfast[dev]'
	@$(BIN)/python -m compileall -q -j 0 -x '$(SELDOM_IMPORTED)' $(VENV)/lib >/dev/null 2>&1 || true
	@touch $@

PIP_INSTALL = $(BIN)/pip install --quiet --no-compile -c constraints.txt
LARGE_PARTS = torch/(onnx|ao|_vendor)|plotly/graph_objs|pygments/lexers|scipy/signal|numpy/distutils|ray/(rllib|serve|train|tune|data|dashboard|llm|air)
SELDOM_IMPORTED = /(tests?|testing|pip|sympy|networkx|fontTools|debugpy|jedi|mypy|mypyc|wandb|sphinx|docutils|$(LARGE_PARTS))/

# What was installed and built; runs/ holds results, and stays.
clean:
	rm -rf $(VENV) build dist site *.egg-info adfast/*.so

define CHECK_MACHINE
import os, shutil, sys, sysconfig
if sys.version_info < (3, 11):
    sys.exit("adfast needs Python 3.11 or later, got %s; name another one: make PYTHON=python3.11"
             % sys.version.split()[0])
try:
    import ensurepip, venv
except ImportError as error:
    sys.exit("this Python cannot make virtual environments (%s); install them, on Debian and "
             "Ubuntu with: apt install python3-venv" % error)
headers = sysconfig.get_path("include")
if not os.path.exists(os.path.join(headers, "Python.h")):
    sys.exit("Python.h is not in %s; install Python's headers, on Debian and Ubuntu with: "
             "apt install python3-dev" % headers)
compiler = (os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++").split()[0]
if shutil.which(compiler) is None:
    sys.exit("no C++ compiler (%s); install one, on Debian and Ubuntu with: apt install g++; "
             "or name yours: make CXX=..." % compiler)
endef
export CHECK_MACHINE
