# `make run` and `make test` are all that README asks for; each installs what it needs, once.
PYTHON ?= python3.11
PORT ?= 8501
HOST ?= 127.0.0.1
# A plain `pip install torch` brings gigabytes of CUDA on Linux; PyTorch's CPU index has the same version without.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
BIN := .venv/bin

.PHONY: run test tests-without-browser tests-in-browser fuzz fuzz-hostile soak lint format bench weights

run: .venv/run
	$(BIN)/python -m cnnviz --host $(HOST) --port $(PORT)

# Both halves at once, for two cores. 5 is pytest's word for no tests, which ARGS may make of one half.
test: .venv/dev .venv/chromium .venv/servers
	$(MAKE) --no-print-directory -j2 tests-without-browser tests-in-browser

tests-without-browser: .venv/dev .venv/servers
	$(BIN)/python -m pytest --ignore=tests/browser $(ARGS) || [ $$? = 5 ]

tests-in-browser: .venv/dev .venv/chromium .venv/servers
	$(BIN)/python -m pytest tests/browser $(ARGS) || [ $$? = 5 ]

# Every property on many times as many drawn examples as in the suite.
TIMES ?= 20
fuzz: .venv/dev .venv/chromium
	CNNVIZ_FUZZ=$(TIMES) $(BIN)/python -m pytest -m hypothesis $(ARGS)

# Every night: 100,000 damaged pictures, 20,000 addresses, and other files and messages, for some hours.
fuzz-hostile: .venv/dev
	$(BIN)/python bench/fuzz.py $(ARGS)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/Dockerfile

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev .venv/chromium
	$(BIN)/python bench/tweak.py
	$(BIN)/python bench/lens.py
	$(BIN)/python bench/volumes.py
	$(BIN)/python bench/padding.py
	$(BIN)/python bench/network.py
	$(BIN)/python bench/trainings.py
	$(BIN)/python bench/classroom.py
	$(BIN)/python bench/replicas.py
	$(BIN)/python bench/learning_kernel.py
	$(BIN)/python bench/learning.py

# Thirty people for twenty minutes.
soak: .venv/dev
	$(BIN)/python bench/soak.py $(ARGS)

# The networks that are shipped, trained again: minutes, and on the same kind of machine the same bytes.
weights: .venv/run
	$(BIN)/python assets/train_networks.py

.venv/python:
	$$(command -v $(PYTHON) || command -v python3) -m venv .venv
	touch $@

.venv/run: .venv/python requirements.txt
	sh deploy/install.sh $(BIN)/python requirements.txt "$(TORCH_INDEX)"
	touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# Debian's own where it is, or may be installed; else the one that Playwright brings.
.venv/chromium: .venv/dev
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
			&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
		|| $(BIN)/python -m playwright install --with-deps chromium
	touch $@

# What stands in front of the app where it is hosted. Where they are not and may not be installed, their tests are skipped.
# In run level 1 their packages do not start them.
.venv/servers: .venv/python
	PATH=$$PATH:/usr/sbin; { command -v nginx && command -v caddy; } >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
			&& RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light caddy >/dev/null; } \
		|| echo "nginx and caddy are not installed: their tests are skipped"
	touch $@
