# dram: cookie
# vm.args carries no cookie that everyone who has the release would know. Unless
# the vm.args in use says one, take RELX_COOKIE or RELEASE_COOKIE, else the running
# node's (for rpc, remote_console and the like, as in "docker exec"), else the
# user's .erlang.cookie, else make one, known to the node alone.
dram_args="${VMARGS_PATH:-$RELEASE_ROOT_DIR/vm.args}"
if [ -z "${VMARGS_PATH:-}" ] && [ ! -f "$dram_args" ]; then
  dram_args="$RELEASE_ROOT_DIR/releases/$REL_VSN/vm.args"
fi
if [ -f "$dram_args.src" ]; then
  dram_args="$dram_args.src"
fi
if ! grep -q '^[^#]*-setcookie' "$dram_args" 2> /dev/null; then
  RELX_COOKIE="${RELX_COOKIE:-${RELEASE_COOKIE:-}}"
  case "${1:-}" in
    foreground | console | console_clean | console_boot | start | daemon | daemon_boot | -*) dram_starts=yes ;;
    *) dram_starts= ;;
  esac
  for dram_env in /proc/1/environ /proc/[0-9]*/environ; do
    [ -z "$RELX_COOKIE$dram_starts" ] || break
    [ -r "$dram_env" ] || continue
    dram_vars="$({ tr '\000' '\n' < "$dram_env"; } 2> /dev/null || :)"
    # Only a node of this very release, not whatever else runs here.
    case "
$dram_vars
" in
      *"
ROOTDIR=$RELEASE_ROOT_DIR
"*) RELX_COOKIE="$(printf '%s\n' "$dram_vars" | sed -n 's/^RELX_COOKIE=//p' | sed -n 1p)" ;;
    esac
  done
  if [ -z "$RELX_COOKIE" ] && [ -s "${HOME:-}/.erlang.cookie" ]; then
    RELX_COOKIE="$(cat "$HOME/.erlang.cookie" 2> /dev/null || :)"
  fi
  if [ -z "$RELX_COOKIE" ]; then
    RELX_COOKIE="$(dd if=/dev/urandom bs=32 count=1 2> /dev/null | od -An -v -tx1 | tr -d ' \n' || :)"
  fi
  if [ -n "$RELX_COOKIE" ]; then
    export RELX_COOKIE
  else
    unset RELX_COOKIE
    dram_starts=
  fi
  # The script hands it to all that it runs but to the node. Erlang takes no cookie
  # that is given twice, so the node alone may see this: what starts it comes behind
  # the script's last cd. (A daemon is this script again.)
  case "$dram_starts,${1:-}" in
    yes,*start | yes,daemon* | ,*) ;;
    *)
      cd() {
        command cd "$@"
        unset -f cd
        case " ${ERL_AFLAGS:-} " in
          *" -setcookie "*) ;;
          *) export ERL_AFLAGS="${ERL_AFLAGS:-} -setcookie '$RELX_COOKIE'" ;;
        esac
      }
      ;;
  esac
  unset dram_env dram_vars dram_starts
fi
unset dram_args
