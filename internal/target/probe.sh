# dram's probe: answers questions about files until it is told "bye" or its
# input ends. It needs a POSIX shell, wc and cat, and readlink or ls. Each
# question is two lines, a verb and an absolute path. Nothing is written, and
# /dev/null is not named: where there is none, a shell would make it a file.
LC_ALL=C
export LC_ALL
newline='
'

# entry PATH: one line, what it is and its name; for a link a second line, its
# target. Names with a line break are passed over.
entry() {
  case $1 in *"$newline"*) return ;; esac
  if [ -L "$1" ]; then
    if [ "$links" = readlink ]; then
      to=$(readlink "$1")
    else
      to=$(ls -ld "$1")
      to=${to#*" $1 -> "}
    fi
    case $to in
    '' | *"$newline"*) printf 'o %s\n' "${1##*/}" ;;
    *) printf 'l %s\n%s\n' "${1##*/}" "$to" ;;
    esac
  elif [ -d "$1" ]; then
    printf 'd %s\n' "${1##*/}"
  elif [ -f "$1" ]; then
    kind=e
    [ -s "$1" ] && kind=f
    [ -x "$1" ] && kind=x
    printf '%s %s\n' "$kind" "${1##*/}"
  elif [ -e "$1" ]; then
    printf 'o %s\n' "${1##*/}"
  fi
}

list() {
  for f in "${1%/}"/* "${1%/}"/.[!.]* "${1%/}"/..?*; do
    entry "$f"
  done
  printf '.\n'
}

fetch() {
  if [ -f "$1" ] && [ -r "$1" ] && size=$(wc -c <"$1"); then
    printf 's %d\n' "$size"
    cat <"$1"
    printf '\n.\n'
  else
    printf 'denied\n'
  fi
}

probe() {
  links=ls
  found=$(command -v readlink 2>&1) && links=readlink
  printf '\ndram-probe 1\n'
  while IFS= read -r verb && IFS= read -r name; do
    case $verb in
    list) list "$name" ;;
    fetch) fetch "$name" ;;
    *) exit 0 ;;
    esac
  done
}

# The last line: the shell then has read all that there is so far, and what
# comes next is for read.
probe
