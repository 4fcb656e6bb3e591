# Every target sets the checkout up first, by itself; that takes no time when nothing has changed.
#   make PYTHON=python3.11 …   another interpreter than python3

SHELL := /bin/bash
PYTHON ?= python3
INSIDE := config/environment/run

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint parity faults benchmark soak kills states interface train clean

help:  ## Show this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup:  ## Create .venv and build both packages (done by the other targets, too)
	@command -v $(PYTHON) > /dev/null || { echo 'set-up: $(PYTHON) is missing; install it with: sudo apt-get install python3' >&2; exit 1; }
	@$(PYTHON) config/environment/prepare.py

demo: setup  ## Track the shipped recording and leave masks, video and report in out/demo; BAG= TOPIC= or CLIP= for another
	@$(INSIDE) python -m sam2s_ros.demo --out out/demo \
	    $(if $(BAG),--bag '$(BAG)') $(if $(TOPIC),--topic '$(TOPIC)') $(if $(CLIP),--clip '$(CLIP)') \
	    $(if $(RATE),--rate $(RATE)) $(if $(START),--start $(START)) $(if $(STEP),--step)

test: lint  ## Style, types and all tests
	@$(PYTHON) config/environment/prepare.py reference
	@$(INSIDE) python -m pytest

lint: setup  ## Style and types
	@$(INSIDE) ruff check
	@$(INSIDE) ruff format --check
	@$(INSIDE) mypy

parity: setup  ## Compare with the reference and write docs/parity.md; goes on where it stopped. CLIPS='DIR DIR' for real frames
	@$(PYTHON) config/environment/prepare.py reference
	@PYTHONPATH=test/drivers PARITY_CLIPS='$(CLIPS)' $(INSIDE) \
	    python -m pytest -p parity_table --parity-table docs/parity.md -m parity

faults: setup  ## Run the fault matrix of docs/faults.md: every row with its result
	@PYTHONPATH=test/drivers $(INSIDE) python -m pytest -q -p fault_table -k test_fault test/ros

benchmark: setup  ## Time a frame beside the reference; figures and plot in out/benchmark. ARGS=--quick for three rows
	@$(PYTHON) config/environment/prepare.py reference
	@mkdir -p out/benchmark
	@$(INSIDE) python -m sam2s_model.benchmark --json out/benchmark/figures.json --plot out/benchmark/plot.svg $(ARGS)

soak: setup  ## Let the tracker run under load and mischief; MINUTES=30 is the default. Report in out/soak
	@PYTHONPATH=test/drivers $(INSIDE) python -m soak --minutes $(or $(MINUTES),30)

kills: setup  ## Kill the tracker at random moments and see what comes back; KILLS=20
	@SAM2S_KILLS=$(or $(KILLS),20) $(INSIDE) python -m pytest -q -k test_fault_43 test/ros/test_fault_matrix_sessions.py

interface: setup  ## Write docs/interface.md from the running node
	@PYTHONPATH=test/drivers ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST $(INSIDE) python -m interface_reference

states: setup  ## How soon losses and returns are told, on phantom surgery; VIDEOS=20 of 12 s
	@$(INSIDE) python -m sam2s_ros.state_benchmark --videos $(or $(VIDEOS),20)

train: setup  ## Train the shipped size; goes on where it stopped. CONFIG= for other settings
	@$(PYTHON) config/environment/prepare.py training
	@$(INSIDE) python -m sam2s_model.training $(or $(CONFIG),config/train_lite.yaml)

clean:  ## Remove everything that make has made, except out/ and measured rows in .cache/
	rm -rf .venv .setup build install log .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find sam2s_ros sam2s_model test config -name __pycache__ -prune -exec rm -rf {} +
