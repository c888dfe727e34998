# Every verb is one line that calls a tool; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help new up refresh down preview review policy export diagram verdict cost prices env stack expired status open history rollback promote runs compare train logs cancel wait score key recover doctor test test-long mutants lint bench lock lock-data
PYTHON ?= python3
# Imports of pulumi-azure-native take four times as long without byte code.
export PYTHONDONTWRITEBYTECODE =
STACK ?= local
SYSTEM ?=
ARGS ?=
# Words of one command line, never a shell's own variable of that name: they let go of a system or of real data.
ifeq ($(origin RETIRE),command line)
export MLOPS_RETIRE := $(RETIRE)
endif
ifeq ($(origin DATA),command line)
export MLOPS_DATA := $(DATA)
endif
SETUP = $(PYTHON) tools/bootstrap.py
RUN = @$(SETUP) && .venv/bin/python -m tools

##@ Stacks (STACK=local is the default; stacks/ has the others)
up: ## bring a stack up to date: all set-up, platform, systems (SYSTEM=name: only that one; PLAN=file: what is in it; RUNNING=ok: leaves jobs to `make wait`; YES=1)
	$(RUN) up $(STACK) $(SYSTEM)
refresh: ## let the stack learn what serves and what somebody changed (changes nothing; YES=1: on Azure without asking)
	$(RUN) refresh $(STACK)
down: ## remove everything a stack made (FORCE=1: an emulator stack even when a step fails; YES=1: on Azure without asking)
	$(RUN) down $(STACK) $(if $(FORCE),--force)
preview: ## what `up` would do; of a stack on Azure: from nothing, without an account (PROFILE=open|hybrid|private); PLAN=file: into it
	$(RUN) preview $(STACK)
review: ## what a change does to a stack of BASE=ref, without an account (STACK=all; REHEARSE=1: try it here; STALE=1: mark old ones)
	$(RUN) review --stack $(STACK)
policy: ## what the rules say of it, without an account (PROFILE=open|hybrid|private); ends with an error where one stops an update
	$(RUN) policy $(STACK)
export: ## the plan as one ARM template, without an account (PROFILE=open|hybrid|private, OUT=file)
	$(RUN) export $(STACK)
diagram: ## the platform as one page, without an account (PROFILE=open|hybrid|private, OUT=file.svg)
	$(RUN) diagram $(STACK)
verdict: ## what Azure Policy would refuse, change and list, without an account (PROFILE=, DEFINITIONS=folder, ARGS=--all)
	$(RUN) verdict $(STACK) $(ARGS)
cost: ## what a stack costs a month and why, without an account (PROFILE=open|hybrid|private, ALL=1, MEASURED=1: what it used)
	$(RUN) cost $(STACK)
prices: ## read the prices that estimates use anew from Azure's public price list (FROM=file.csv: from a table of prices)
	$(RUN) prices
stack: ## a personal stack: NAME=alice FROM=dev EXPIRES=2026-12-31 (OWNER=address; else whom git commits as)
	$(RUN) stack
expired: ## the personal stacks and their last days (DESTROY=1: take down those past it)
	$(RUN) expired
env: ## a shell for one stack: eval "$$(make -s env)"
	$(RUN) env $(STACK)

##@ What serves (SYSTEM=name where a stack has several; STACK=local is the default)
status: ## what serves now, requests and errors, the last challenger, where stack and endpoint differ
	$(RUN) status
open: ## where to look: page or studio, MLflow, swagger; opens a browser where there is one
	$(RUN) open
history: ## who or what promoted, kept, rejected, lifted or rolled back which version, when and why
	$(RUN) history
score: ## ask about the rows of FILE=x.json or x.csv; answers in the same form (OUT=file)
	$(RUN) score
key: ## the key that clients send: $$(make -s key SYSTEM=name)
	$(RUN) key
rollback: ## back to the version before, in seconds (REASON="...", VERSION=n: to that one)
	$(RUN) rollback
promote: ## lift the rejection of VERSION=n; `make refresh` and `make up` then roll it out
	$(RUN) promote

##@ What was trained
new: ## a system from a table: SYSTEM=churn KIND=binary DATA=file.csv (LABEL=column, KEY=column)
	$(RUN) new
train: ## train here and now, with no job and no gate (SYSTEM=name, ARGS="--rounds 50 ..."; ARGS=--help lists them)
	$(RUN) train $(ARGS)
runs: ## what was trained: what changed, data, figures, what the gate decided and why
	$(RUN) runs
compare: ## two runs beside each other (A=job or version, B=job or version)
	$(RUN) compare
logs: ## a job's log until it ends (JOB=name); without JOB the scoring server's last lines (VERSION=n)
	$(RUN) logs
cancel: ## end a job before its time (JOB=name)
	$(RUN) cancel
wait: ## wait for the jobs of a stack that still run, without its lock; `up` then goes on (MINUTES=50 at most)
	$(RUN) wait

##@ When something is wrong
doctor: ## look at what usually goes wrong and say what to do (STACK=dev: at its subscription too, that stack alone)
	$(RUN) doctor $(if $(filter file,$(origin STACK)),,$(STACK))
recover: ## put a stack right after pulumi was killed (`up` does it by itself)
	$(RUN) recover $(STACK)

##@ Work on the project
test: ## lint, then all tests (ARGS goes to pytest)
	$(RUN) test $(ARGS)
test-long: ## what takes hours by nature: kill grids, fuzz, hundreds of configurations (ARGS goes to pytest)
	$(RUN) test-long $(ARGS)
mutants: ## put committed defects in: a named test must notice each (ARGS=word: those with it in their name)
	$(RUN) mutants $(ARGS)
lint: ## style, format, types (ARGS="file folder": of these alone)
	$(RUN) lint $(ARGS)
bench: ## measure the emulator, `up` and the scoring server
	$(RUN) bench
lock: ## choose package versions anew: uv.lock, ml/environments (UPGRADE=1: the newest that pyproject.toml allows)
	$(RUN) lock
lock-data: ## record the digests of a system's real data (SYSTEM=bike_buyer, MLOPS_DATA_DIR=folder)
	$(RUN) lock-data $(or $(SYSTEM),bike_buyer)

##@ Help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
