#!/bin/bash
# node: buffers, worker threads, JSON, crypto, compression and files.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need node nodejs

interposed node --version
both workload node --no-warnings "$HERE/input/workload.js"
