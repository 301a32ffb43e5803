#!/usr/bin/env bash
# Run the tests with a sanitizer of GCC's watching the compiled modules:
#
#     tools/sanitize.sh asan [PYTEST ARGUMENT ...]    memory and undefined behaviour, the whole suite
#     tools/sanitize.sh tsan [PYTEST ARGUMENT ...]    data races, the tests of threads
#
# fastbp is built with FASTBP_DEBUG=1 from a copy of the source tree, in a temporary folder, by pip, which fetches what
# that needs. The tests are run by the Python on the PATH, which has to have what they need, as after
# `pip install ".[test]"`; what they start is watched as well. The first report ends its process.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
threads=(tests/test_threads.py tests/test_concurrency.py tests/test_inference.py tests/test_determinism.py
    tests/test_capsule.py tests/test_contract.py tests/test_cython_api.py::test_no_lock_is_needed)
left_out=(
    # They measure time, of which a sanitizer takes several times as much, and not everywhere alike.
    tests/test_cython_api.py::test_a_call_from_c_is_cheap
    tests/test_gil.py::test_two_threads_on_two_cores
    tests/test_import.py::test_time
    tests/test_threads.py::test_threads_that_share_a_core_with_others
)
run=()
case ${1-} in
    asan)
        flags='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
        libraries=(libasan.so libubsan.so)
        tests=(tests)
        left_out+=(
            # They measure memory, of which the sanitizer takes most, or limit it.
            tests/test_memory.py
            # They put a malloc of their own in the place of the sanitizer's.
            tests/test_memory_errors.py
            tests/test_cython_api.py::test_nothing_is_allocated
        )
        ;;
    tsan)
        flags='-fsanitize=thread'
        libraries=(libtsan.so)
        tests=("${threads[@]}")
        left_out+=(
            # What they read is what another thread may be writing, as docs/embedding.md says.
            tests/test_concurrency.py::test_predictions_while_parameters_move
            tests/test_capsule.py::test_predictions_during_training
            # ThreadSanitizer ends a process that starts threads after a fork of several.
            tests/test_contract.py::test_beside_openmp
        )
        run=(setarch --addr-no-randomize) # which GCC's ThreadSanitizer may not stand
        ;;
    *)
        sed -n '2,/^set/{/^#/p}' "${BASH_SOURCE[0]}"
        exit 2
        ;;
esac
shift
[ $# -eq 0 ] || tests=("$@")
preload=
for library in "${libraries[@]}"; do
    path=$(gcc -print-file-name="$library")
    [ -e "$path" ] || { echo "gcc has no $library: install its sanitizers" >&2; exit 1; }
    preload+=$path:
done
for test in "${left_out[@]}"; do
    file=${test%%::*}
    [[ $test != *::* ]] && [ -f "$file" ] || grep -q "^def ${test##*::}(" "$file" || { echo "there is no $test" >&2; exit 1; }
    tests+=(--deselect "$test")
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar --exclude=./.git --exclude=./build --exclude=./dist --exclude='*.so' --exclude=__pycache__ -cf - . | tar -C "$work" -xf -
cd "$work"
FASTBP_DEBUG=1 CFLAGS=$flags LDFLAGS=$flags python -m pip install -q --no-deps --target "$work/site" .
rm -r src # the tests are to take what was built
echo "left out: ${left_out[*]}"
# Python's own allocations look like leaks at its end; its allocator hides mistakes from the sanitizer. What a sanitizer
# writes must not be kept by pytest, which the process may not live to show it.
PYTHONPATH=$work/site PYTHONMALLOC=malloc LD_PRELOAD=${preload%:} \
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
    TSAN_OPTIONS=halt_on_error=1:report_signal_unsafe=0:allocator_may_return_null=1 \
    "${run[@]}" python -m pytest -q -p no:cacheprovider --capture=sys "${tests[@]}"
