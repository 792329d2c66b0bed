# $1 is the names of Hex repositories, $2 how many seconds a script of the project has,
# the rest a command of rebar3 that fetches.
set -eu
tmp="$(mktemp -d)"
trap 'rm -rf "$tmp"' EXIT
repositories="$1"
limit="$2"
shift 2

# rebar3 reads keys from a file of the user's alone.
key="${HEX_REPOS_KEY:-}"
unset HEX_REPOS_KEY
if [ -n "$key" ]; then
  case "$key" in
    *[!A-Za-z0-9_.:=+/\ -]*)
      echo "HEX_REPOS_KEY has characters that no key has" >&2
      exit 1
      ;;
  esac
  export REBAR_GLOBAL_CONFIG_DIR="$tmp"
  mkdir -p "$tmp/.config/rebar3"
  umask_was="$(umask)"
  umask 077
  {
    between='#{'
    for name in $repositories; do
      printf '%s<<"%s">> => #{repo_key => <<"%s">>}' "$between" "$name" "$key"
      between=', '
    done
    echo '}.'
  } > "$tmp/.config/rebar3/hex.config"
  umask "$umask_was"
fi
unset key

# Whatever it is told, it runs the script first.
if [ -f rebar.config.script ] && command -v timeout > /dev/null; then
  ended=0
  REBAR_OFFLINE=1 REBAR_SKIP_PROJECT_PLUGINS=1 timeout -k 5 "$limit" "$1" version > /dev/null 2>&1 || ended=$?
  case "$ended" in
    124 | 137 | 143)
      echo "rebar.config.script did not end within $limit s: see what it waits for; it is run without a terminal" >&2
      exit 1
      ;;
  esac
fi

{ "$@" 2>&1 || echo $? > "$tmp/failed"; } | tee "$tmp/log"
if [ -e "$tmp/failed" ]; then
  exit "$(cat "$tmp/failed")"
fi

# It goes on without a plugin that it cannot fetch; one that does not compile is there.
for plugin in $(sed -n -e 's/^.*Errors loading plugin {*\([a-z][A-Za-z0-9_]*\).*$/\1/p' -e 's/^.*Plugin {*\([a-z][A-Za-z0-9_]*\).* not available.*$/\1/p' "$tmp/log"); do
  if ! ls -d "$REBAR_BASE_DIR"/*/plugins/"$plugin" > /dev/null 2>&1; then
    echo "the plugin $plugin was not fetched: see that where it comes from answers, and has it; or take it out of {plugins, …}" >&2
    exit 1
  fi
done
