# dram: cookie
# The release carries no cookie that everyone who has it would know. Unless one
# is given as RELEASE_COOKIE or in releases/COOKIE, take the running node's (for
# rpc, remote and the like, as in "docker exec"), else make one: kept in
# releases/COOKIE if that can be written, else known to the node alone.
if [ -z "${RELEASE_COOKIE:-}" ] && [ ! -s "$RELEASE_ROOT/releases/COOKIE" ]; then
  RELEASE_COOKIE=
  for dram_env in /proc/1/environ /proc/[0-9]*/environ; do
    [ -r "$dram_env" ] || continue
    dram_vars="$({ tr '\000' '\n' < "$dram_env"; } 2> /dev/null || :)"
    # Only a node of this very release, not whatever else runs here.
    case "
$dram_vars
" in
      *"
RELEASE_ROOT=$RELEASE_ROOT
"*) RELEASE_COOKIE="$(printf '%s\n' "$dram_vars" | sed -n 's/^RELEASE_COOKIE=//p' | sed -n 1p)" ;;
    esac
    [ -z "$RELEASE_COOKIE" ] || break
    case "${RELEASE_COMMAND:-}" in
      rpc | remote | restart | stop | pid) ;;
      *) break ;;
    esac
  done
  if [ -z "$RELEASE_COOKIE" ]; then
    RELEASE_COOKIE="$(dd if=/dev/urandom bs=32 count=1 2> /dev/null | od -An -v -tx1 | tr -d ' \n' || :)"
    if [ -n "$RELEASE_COOKIE" ] && [ -w "$RELEASE_ROOT/releases" ] && command -v ln > /dev/null && command -v rm > /dev/null; then
      dram_new="$RELEASE_ROOT/releases/.COOKIE.$$"
      # ln fails if another start was faster; its cookie is then the one.
      (umask 077 && printf %s "$RELEASE_COOKIE" > "$dram_new" && ln "$dram_new" "$RELEASE_ROOT/releases/COOKIE") 2> /dev/null || :
      rm -f "$dram_new" 2> /dev/null || :
      if [ -s "$RELEASE_ROOT/releases/COOKIE" ]; then
        RELEASE_COOKIE="$(cat "$RELEASE_ROOT/releases/COOKIE")"
      fi
      unset dram_new
    fi
  fi
  if [ -n "$RELEASE_COOKIE" ]; then
    export RELEASE_COOKIE
  else
    unset RELEASE_COOKIE
  fi
  unset dram_env dram_vars
fi
