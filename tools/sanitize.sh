#!/usr/bin/env bash
# Run the tests with a sanitizer of GCC's watching the compiled modules:
#
#     tools/sanitize.sh asan [PYTEST ARGUMENT ...]    memory and undefined behaviour, the whole suite
#     tools/sanitize.sh tsan [PYTEST ARGUMENT ...]    data races, the tests of threads
#
# fastbp is built with FASTBP_DEBUG=1 from a copy of the source tree, in a temporary folder, and run by the Python on the
# PATH, which needs setuptools, Cython, NumPy and what the tests need: pip install setuptools cython ".[test]" has it all.
# The first report ends the run. A sanitizer takes several times as long, so tests that measure time, memory or speed are
# left out, and so are those that start another Python, which would not be watched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
threads=(tests/test_threads.py tests/test_concurrency.py tests/test_inference.py tests/test_determinism.py
    tests/test_capsule.py)
unmeasured='not test_interrupts and not test_memory and not test_import and not test_benchmarks and not test_cli
    and not test_fashion_mnist and not test_readme and not test_dispatch and not test_typing and not test_cython_api
    and not test_gil and not test_memory_errors and not joblib and not openmp
    and not other_processes and not subinterpreter and not no_file_is_touched and not any_moment and not a_fork'
run=()
case ${1-} in
    asan)
        flags='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
        libraries=(libasan.so libubsan.so)
        tests=(tests -k "${unmeasured//$'\n'/ }")
        ;;
    tsan)
        flags='-fsanitize=thread'
        libraries=(libtsan.so)
        # What these read is what another thread may be writing, as docs/embedding.md says.
        tests=("${threads[@]}" -k "${unmeasured//$'\n'/ } and not parameters_move and not predictions_during_training")
        run=(setarch --addr-no-randomize) # which GCC's ThreadSanitizer may not stand
        ;;
    *)
        sed -n '2,/^set/{/^#/p}' "${BASH_SOURCE[0]}"
        exit 2
        ;;
esac
shift
[ $# -eq 0 ] || tests=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar --exclude=./.git --exclude=./build --exclude=./dist --exclude='*.so' --exclude=__pycache__ -cf - . | tar -C "$work" -xf -
cd "$work"
FASTBP_DEBUG=1 CFLAGS=$flags LDFLAGS=$flags python setup.py -q build_ext --inplace
preload=
for library in "${libraries[@]}"; do
    preload+=$(gcc -print-file-name="$library"):
done
# Python's own allocations look like leaks at its end; its allocator hides mistakes from the sanitizer.
export PYTHONPATH=$work/src PYTHONMALLOC=malloc LD_PRELOAD=${preload%:}
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:report_signal_unsafe=0
"${run[@]}" python -m pytest -q -p no:cacheprovider "${tests[@]}"
