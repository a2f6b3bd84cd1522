#!/usr/bin/env bash
# Checks of the native core that the ordinary tests do not make. Run from the repository; PYTHON is an interpreter with
# the development tools. Without arguments all of them:
#
#   sanitized    the core's own tests under the address, undefined-behaviour and thread sanitizers
#   clang        the core's own tests as clang compiles them
#   aarch64      the core's own tests on another processor, which an emulator runs
#   sets         the engine's tests in Python, held down to x86-64 v2 and to v3
#   python       the engine's tests in Python under the address and undefined-behaviour sanitizers
#
# Everywhere -Wall -Wextra -Wconversion -Werror. What is built lies in build/.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(command -v "${PYTHON:-.venv/bin/python}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")  # absolute, its link kept: CMake finds no packages by a relative one
cmake=$(dirname "$python")/cmake
[ -x "$cmake" ] || cmake=cmake
jobs=$(nproc)

# build FOLDER OPTION…: what the options ask for, in that folder; says something only if it fails.
build() {
  local folder=$1
  shift
  "$cmake" -S . -B "$folder" -DPELLUCID_WERROR=ON "$@" >"$folder.log" 2>&1 &&
    "$cmake" --build "$folder" --parallel "$jobs" >>"$folder.log" 2>&1 || { cat "$folder.log"; return 1; }
}

# package FOLDER MODULE_FOLDER: a copy of the package, with another core.
package() {
  rm -rf "$1" && mkdir -p "$1" && cp -r src/pellucid "$1/" && rm -f "$1"/pellucid/_native*.so && cp "$2"/_native*.so "$1/pellucid/"
}

check_sanitized() {
  for sanitizer in address,undefined thread; do
    build "build/core-${sanitizer%%,*}" -DPELLUCID_CORE_TESTS=ON -DPELLUCID_SANITIZE="$sanitizer"
    "build/core-${sanitizer%%,*}/core_tests"
  done
}

check_clang() {
  build build/core-clang -DPELLUCID_CORE_TESTS=ON -DCMAKE_CXX_COMPILER=clang++
  build/core-clang/core_tests
}

check_aarch64() {
  build build/core-aarch64 -DPELLUCID_CORE_TESTS=ON -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static
  qemu-aarch64 build/core-aarch64/core_tests
}

# The tests that ask the core for numbers; those of processes and interrupts know no instruction set.
numbers=(tests/engines/test_native_{parity,catalogue,narrow,training}.py)

check_sets() {
  [ "$(uname -m)" = x86_64 ] || { echo "only x86-64 has several sets"; return; }
  grep -qw avx2 /proc/cpuinfo || { echo "this machine has no AVX2"; return; }
  local running=()
  for isa in v2 v3; do  # the cores are compiled once: only the choice between them is built anew
    build build/module -DPython_EXECUTABLE="$python" -DPELLUCID_FORCE_ISA=$isa
    package "build/package-$isa" build/module
    PYTHONPATH=build/package-$isa "$python" -c "import pellucid._native as core; assert core.isa == '$isa', core.isa"
    PYTHONPATH=build/package-$isa "$python" -m pytest -p no:cacheprovider "${numbers[@]}" >"build/tests-$isa.log" 2>&1 &
    running+=($!)
  done
  local failed=0
  for process in "${running[@]}"; do wait "$process" || failed=1; done
  tail -n 15 build/tests-v2.log build/tests-v3.log
  return $failed
}

check_python() {
  build build/module-address -DPython_EXECUTABLE="$python" -DPELLUCID_SANITIZE=address,undefined
  package build/package-address build/module-address
  local libraries
  libraries="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
  # Python itself leaks on purpose, and its own allocator would hide what is written beside an array; memory that is given
  # back and long held would look like a leak to the test of interrupts.
  PYTHONPATH=build/package-address LD_PRELOAD=$libraries PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$python" -m pytest -p no:cacheprovider tests/engines
}

mkdir -p build
[ $# -gt 0 ] || set -- sanitized clang aarch64 sets python
for name; do
  printf -- '--- %s\n' "$name"
  began=$SECONDS
  "check_$name"
  printf -- '--- %s: %d s\n' "$name" $((SECONDS - began))
done
