#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Unit tests of scripts/run-tests: what it counts."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load(path):
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("run_tests", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    sys.modules["run_tests"] = module
    loader.exec_module(module)
    return module


run_tests = load(os.path.join(HERE, "scripts/run-tests"))

# name, what the row prints, its exit status, (passed, failed, skipped)
CASES = [
    ("plain_row_status_0_passed", "hello\n", 0, (1, 0, 0)),
    ("plain_row_status_1_failed", "", 1, (0, 1, 0)),
    ("plain_row_status_4_skipped", "no perl\n", 4, (0, 0, 1)),
    ("flat_cases_counted", "TAP version 13\n1..3\nok 1 a\nnot ok 2 b\nok 3 c # SKIP no net\n",
     1, (1, 1, 1)),
    ("flat_dash_and_description", "1..1\nok 1 - a thing: works\n", 0, (1, 0, 0)),
    ("nested_cases_counted_once",
     "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a\n  ok 2 b\nok 1 suite\n",
     0, (2, 0, 0)),
    ("nested_failure_counted_once",
     "1..1\n  1..2\n  ok 1 a\n  not ok 2 b\nnot ok 1 suite\n", 1, (1, 1, 0)),
    ("nested_plan_broken_failed", "1..1\n  1..3\n  ok 1 a\nok 1 suite\n", 0, (1, 1, 0)),
    ("plan_after_the_cases", "ok 1 a\nok 2 b\n1..2\n", 0, (2, 0, 0)),
    ("plan_broken_failed", "1..2\nok 1 a\n", 0, (1, 1, 0)),
    ("all_skipped_by_plan", "1..0 # SKIP no device\n", 0, (0, 0, 1)),
    ("status_bad_though_all_passed_failed", "1..1\nok 1 a\n", 3, (1, 1, 0)),
    ("todo_is_no_failure", "1..1\nnot ok 1 a # TODO later\n", 0, (1, 0, 0)),
    ("output_of_a_case_is_no_case", "1..1\nwe are ok 1 here\nok 1 a\n", 0, (1, 0, 0)),
    ("bail_out_failed", "1..2\nBail out! setup failed\n", 1, (0, 1, 0)),
]


def counts(text, status):
    row = run_tests.Row("row", "", "-", "-", 1, [])
    with contextlib.redirect_stdout(io.StringIO()):
        reporter = run_tests.Reporter(1)
        reporter.begin(row)
        for line in text.splitlines():
            reporter.line(line)
        reporter.end(status)
    return row.passed, row.failed, row.skipped


def main():
    failed = 0
    print("KTAP version 1")
    print(f"1..{len(CASES)}")
    for number, (name, text, status, wanted) in enumerate(CASES, 1):
        got = counts(text, status)
        if got != wanted:
            failed += 1
            print(f"# wanted {wanted}, got {got}")
        print(f"{'ok' if got == wanted else 'not ok'} {number} test_{name}")
    return 1 if failed else 0


sys.exit(main())
