# dram: cookie
# vm.args carries no cookie that everyone who has the release would know. Unless
# the vm.args in use says one, take COOKIE or RELEASE_COOKIE, else the user's
# .erlang.cookie, else the running node's (for rpc, remote_console and the like,
# as in "docker exec"), else make one, known to the node alone.
dram_args="${VMARGS_PATH:-}"
if [ -z "$dram_args" ] && [ -f "${RELEASE_CONFIG_DIR:-$RELEASE_ROOT_DIR}/vm.args" ]; then
  dram_args="${RELEASE_CONFIG_DIR:-$RELEASE_ROOT_DIR}/vm.args"
fi
if ! grep -q '^[^#]*-setcookie' "${dram_args:-$RELEASE_ROOT_DIR/releases/$REL_VSN/vm.args}" 2> /dev/null; then
  COOKIE="${COOKIE:-${RELEASE_COOKIE:-}}"
  if [ -z "$COOKIE" ] && [ -s "${HOME:-}/.erlang.cookie" ]; then
    COOKIE="$(cat "$HOME/.erlang.cookie" 2> /dev/null || :)"
  fi
  case "${1:-}" in
    foreground | start | start_boot | console | console_clean | console_boot) dram_found="new" ;;
    *) dram_found="$COOKIE" ;;
  esac
  for dram_env in /proc/1/environ /proc/[0-9]*/environ; do
    [ -z "$dram_found" ] || break
    [ -r "$dram_env" ] || continue
    dram_vars="$({ tr '\000' '\n' < "$dram_env"; } 2> /dev/null || :)"
    # Only a node of this very release, not whatever else runs here.
    case "
$dram_vars
" in
      *"
RELEASE_ROOT_DIR=$RELEASE_ROOT_DIR
"*) dram_found="$(printf '%s\n' "$dram_vars" | sed -n 's/^COOKIE=//p' | sed -n 1p)" ;;
    esac
    COOKIE="$dram_found"
  done
  if [ -z "$COOKIE" ]; then
    COOKIE="$(dd if=/dev/urandom bs=32 count=1 2> /dev/null | od -An -v -tx1 | tr -d ' \n' || :)"
  fi
  if [ -n "$COOKIE" ]; then
    export COOKIE
    case " ${ERL_AFLAGS:-} " in
      *" -setcookie "*) ;;
      *) export ERL_AFLAGS="${ERL_AFLAGS:-} -setcookie '$COOKIE'" ;;
    esac
  else
    unset COOKIE
  fi
  unset dram_env dram_vars dram_found
fi
unset dram_args
