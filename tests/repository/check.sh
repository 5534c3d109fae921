# check.sh NAME: runs one check over the repository, from its top folder. Silent and 0 when all is well; else says what is not.
# shellcheck shell=bash
set -euo pipefail

faults=0
fault() {
  printf '%s\n' "$*"
  faults=$((faults + 1))
}

# The files of the project, one a line: those that git has or would take; in an unpacked archive, all but the build folders.
files() {
  git ls-files --cached --others --exclude-standard 2>/dev/null ||
    find . -name .git -prune -o -path './build*' -prune -o -type f -printf '%P\n'
}

# files_like PATTERN: those that are there now and whose path matches.
files_like() {
  local file
  while IFS= read -r file; do
    [[ -f $file ]] && printf '%s\n' "$file"
  done < <(files | grep -E -- "$1" | sort -u)
}

scripts() { files_like '^(script/[a-z]+|\.ci/run)$'; }

ScriptsAreExecutable() {
  local script
  while IFS= read -r script; do
    [[ -x $script ]] || fault "$script is not executable"
    [[ $(head -n 1 "$script") == '#!/usr/bin/env bash' ]] || fault "$script does not start with #!/usr/bin/env bash"
  done < <(scripts)
}

ScriptsPassShellcheck() {
  local all
  mapfile -t all < <(scripts; files_like '\.sh$')
  shellcheck "${all[@]}" || fault "shellcheck has something to say"
}

ScriptsRefuseWrongUsage() {
  local script status
  for script in setup build test lint format fuzz bench crash; do
    status=0
    "script/$script" --no-such-option >/dev/null 2>&1 </dev/null || status=$?
    ((status == 2)) || fault "script/$script --no-such-option ends with $status, not 2"
  done
}

PackagesAreListedOnce() {
  local twice
  twice=$(grep -v -e '^#' -e '^$' script/packages.txt | awk '{ print $2 }' | sort | uniq -d)
  [[ -z $twice ]] || fault "listed twice in script/packages.txt: $twice"
  while read -r line; do
    fault "script/packages.txt: not 'group package what for': $line"
  done < <(grep -v -E -e '^#' -e '^$' -e '^(build|test|check) +[a-z0-9.+-]+ +[^ ].*$' script/packages.txt)
}

# About 500 lines, says ARCHITECTURE.md: from there on a note, and from 600 on a fault.
SourcesStayShort() {
  local file lines
  while IFS= read -r file; do
    lines=$(wc -l <"$file")
    if ((lines > 600)); then
      fault "$file has $lines lines: it holds more than one idea"
    elif ((lines > 500)); then
      printf 'note: %s has %d lines\n' "$file" "$lines"
    fi
  done < <(files_like '^src/.*\.(h|cc)$')
}

HeadersSayWhatTheyAreFor() {
  local file
  while IFS= read -r file; do
    [[ $(head -n 1 "$file") == '// '* ]] || fault "$file does not begin with what it is for"
    grep -q '^#pragma once$' "$file" || fault "$file has no #pragma once"
  done < <(files_like '^(src|tests|bench|fuzz)/.*\.h$')
}

# contents PATTERN EXCEPT: lines of text files that match, outside of files that match EXCEPT.
contents() {
  files_like . | grep -v -E -- "$2" | tr '\n' '\0' | xargs -0 grep -n -I -E -e "$1" || true
}

NothingIsLeftToDo() {
  local line
  while IFS= read -r line; do fault "left to do: $line"; done < <(contents '\b(TO[D]O|FIX[M]E|X[X]X|HAC[K])\b' '^(LICENSE|tests/vectors/|fuzz/corpus/)')
}

NoPathOfOneMachine() {
  local line
  while IFS= read -r line; do fault "a path of one machine: $line"; done < \
    <(contents '(^|[^[:alnum:]_.~}/-])/(work|root|home/[a-z]+)/|[.][.]/share[d]/|/tmp/[tb][-e]' '^(LICENSE|tests/vectors/|fuzz/corpus/)')
}

LinksInDocumentsLeadSomewhere() {
  local file target
  while IFS= read -r file; do
    while IFS= read -r target; do
      [[ $target =~ ^(https?:|mailto:|#) || -e $(dirname "$file")/${target%%#*} ]] || fault "$file links to $target, which is not there"
    done < <(grep -o -E '\]\([^) ]+\)' "$file" | sed -E 's/^\]\((.*)\)$/\1/')
  done < <(files_like '\.md$')
}

EveryLibraryIsExplained() {
  local library
  while IFS= read -r library; do
    grep -q -E "^\| \`$library\`" docs/dependencies.md || fault "docs/dependencies.md has no row for \`$library\`, which cmake/dependencies.cmake uses"
  done < <(sed -n 's/^set(AIRTIGHT_LIBRARY_\([a-z0-9]*\) .*/\1/p' cmake/dependencies.cmake)
}

# options_in PAGE yes|no: those that a manual page has in its synopsis, or after it.
options_in() {
  awk -v wanted="$2" '
    /^\.Sh / { here = $2 == "SYNOPSIS" ? "yes" : "no" }
    here == wanted { for (i = 1; i < NF; i++) if ($i == "Fl" || $i == ".Fl") print $(i + 1) }' "$1" | grep -e '^-' | sort -u
}

OptionsOfASynopsisAreExplained() {
  local page option
  while IFS= read -r page; do
    while IFS= read -r option; do fault "$page shows -$option and does not say what it is for"; done < \
      <(comm -23 <(options_in "$page" yes) <(options_in "$page" no))
  done < <(files_like '^docs/man/.*\.1$')
}

EveryFolderIsInThePicture() {
  local folder
  while IFS= read -r folder; do
    grep -q -E "\b$folder/" ARCHITECTURE.md || fault "ARCHITECTURE.md does not show $folder/, which src/floors.txt has"
  done < <(sed -n 's/^\([a-z0-9]*\) .*/\1/p' src/floors.txt)
}

# systemd-analyze reads the units, and wants their program to be there.
UnitsAreUnderstood() {
  local scratch where
  scratch=$(mktemp -d)
  for where in system user; do
    mkdir -m 700 "$scratch/$where" "$scratch/run-$where"
    sed "s#^ExecStart=/usr/bin/airtight #ExecStart=$(command -v true) #" "packaging/systemd/$where/airtight-device@.service" \
      >"$scratch/$where/airtight-device@.service"
    cp "packaging/systemd/$where/airtight-device@.socket" "$scratch/$where"
    XDG_RUNTIME_DIR=$scratch/run-$where SYSTEMD_UNIT_PATH=$scratch/$where: systemd-analyze verify "--$where" --man=no \
      "$scratch/$where/airtight-device@.service" "$scratch/$where/airtight-device@.socket" ||
      fault "systemd does not understand packaging/systemd/$where"
  done
  sed "s#^ExecStart=/usr/bin/airtight #ExecStart=$(command -v true) #" 'packaging/systemd/user/airtight-renew@.service' \
    >"$scratch/user/airtight-renew@.service"
  cp 'packaging/systemd/user/airtight-renew@.timer' "$scratch/user"
  XDG_RUNTIME_DIR=$scratch/run-user SYSTEMD_UNIT_PATH=$scratch/user: systemd-analyze verify --user --man=no \
    "$scratch/user/airtight-renew@.service" "$scratch/user/airtight-renew@.timer" ||
    fault "systemd does not understand the timer of packaging/systemd/user"
  systemd-analyze security --offline=true --threshold=20 packaging/systemd/system/airtight-device@.service >/dev/null ||
    fault "the system's service is not as confined as it could be: systemd-analyze security says where"
  rm -r "$scratch"
}

# A desktop hands messages of KeyGen2 to the agent. desktop-file-validate says more than this, where it is installed.
DesktopKnowsTheMediaType() {
  local entry=packaging/desktop/airtight-enroll.desktop types=packaging/mime/airtight-keygen2.xml media_type='application/xbpp+xml'
  xmllint --noout "$types" || fault "$types is not well formed"
  grep -q "mime-type type=\"$media_type\"" "$types" || fault "$types does not describe $media_type"
  grep -q "namespaceURI=\"$(sed -n 's/.*kNamespace = "\(.*\)";.*/\1/p' src/keygen2/messages.h)\"" "$types" ||
    fault "$types names another namespace than src/keygen2/messages.h"
  grep -q -x "MimeType=$media_type;" "$entry" || fault "$entry does not take $media_type"
  grep -q -x 'Exec=airtight enroll %f' "$entry" || fault "$entry does not start the agent with the file"
  if command -v desktop-file-validate >/dev/null; then desktop-file-validate "$entry" || fault "$entry is not valid"; fi
}

# What sks.md section 12 says that users are told.
WeaknessesOfTheSessionProtocolAreTold() {
  local word
  for word in 'neighbouring' 'without a MAC' 'unique' 'SessionKeyLimit' 'sk2'; do
    grep -q -e "$word" docs/threat-model.md || fault "docs/threat-model.md does not tell of '$word', a weakness of sk1 (docs/spec/sks.md section 12)"
  done
}

"$1"
((faults == 0))
