# check_requirements.sh BUILD [REPORT...]: every row of docs/protocol/sks.md has a proof, every test that is named there exists in the tests of
# BUILD, and, where junit reports of runs are given, ran in one of them and passed. Silent and 0 when all is well; else says what is not.
# shellcheck shell=bash
set -euo pipefail

document=docs/protocol/sks.md
build=$1
shift
faults=0
fault() {
  printf '%s\n' "$*"
  faults=$((faults + 1))
}

# Those of ctest, without the numbers that it gives them: "program.Suite.Name", and "program.Prefix/Suite.Name/0" of tests with parameters.
mapfile -t existing < <(ctest --test-dir "$build" -N | sed -n 's/^ *Test *#[0-9]*: //p' | sort)
((${#existing[@]})) || fault "ctest finds no test in $build"

passed=()
if (($#)); then
  mapfile -t passed < <(sed -n 's/.*<testcase name="\([^"]*\)".* status="run".*/\1/p' "$@" | sort -u)
  ((${#passed[@]})) || fault "no test passed in: $*"
fi

declare -A exists=() passes=()
for name in "${existing[@]}"; do exists[$name]=yes; done
for name in "${passed[@]}"; do passes[$name]=yes; done

# matches PATTERN NAME...: whether one of the names is what the pattern says; * stands for anything, and parameters may follow.
matches() {
  local pattern=$1 name
  shift
  for name in "$@"; do
    # shellcheck disable=SC2053  # a pattern
    [[ $name == $pattern || $name == $pattern/* ]] && return 0
  done
  return 1
}

declare -A seen=()
rows=0
while IFS='|' read -r _ id requirement proof _; do
  id=${id// /}
  rows=$((rows + 1))
  [[ -z ${seen[$id]:-} ]] || fault "$document: $id stands there twice"
  seen[$id]=yes
  [[ -n ${requirement// /} ]] || fault "$document: $id says nothing"
  read -r -a tests <<<"$proof"
  if ((${#tests[@]} == 0)); then
    fault "$document: $id has no proof"
    continue
  fi
  [[ ${tests[0]} != binds ]] || continue
  for test in "${tests[@]}"; do
    if [[ -z ${exists[$test]:-} ]] && ! matches "$test" "${existing[@]}"; then
      fault "$document: $id: there is no test $test"
    elif (($#)) && [[ -z ${passes[$test]:-} ]] && ! matches "$test" "${passed[@]}"; then
      fault "$document: $id: $test did not run, or failed"
    fi
  done
done < <(grep -E '^\| (SKS|D[0-9]+)-[0-9]+ \|' "$document")
((rows > 0)) || fault "$document has no row"

# A row that is spelled in another way would go unnoticed.
while IFS= read -r line; do fault "$document: this row has no ID: $line"; done < \
  <(grep -E '^\|' "$document" | grep -v -E '^\| ((SKS|D[0-9]+)-[0-9]+|ID|---) \|' || true)
((faults == 0))
