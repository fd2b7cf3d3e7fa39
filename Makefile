# Thin on purpose: what each target does is in the scripts and tests it calls.

# gousb is built against the libusb that karalabe/hid carries, without pkg-config or libusb-dev.
export PKG_CONFIG := $(CURDIR)/devices/usb/pkg-config
export GOFLAGS += -buildvcs=false
TEMPL := go tool -modfile=tools/go.mod templ

.PHONY: run test soak bench generate build screenshots

run: ## the desk in the foreground, on sample data
	@tools/run

test: ## everything the project promises, within 15 minutes on two cores
	@tools/test

soak: ## the long versions of the same tests
	@SOAK=1 tools/test

bench: ## the table of targets, side by side with the tools an officer's script would use
	@tools/bench

generate: ## the committed _templ.go files
	$(TEMPL) generate

build: ## the programs of an installation, into bin/
	go build -trimpath -o bin/ ./cmd/tokendeskd ./cmd/tokendesk ./cmd/verifierd

screenshots: ## the pictures of docs/, taken by the test that walks a loan
	DOCS=$(CURDIR)/docs go test -count=1 -tags e2e -run E2E ./cmd/demo
