# dram: portable
# This release brings its C library along. What else depends on the machine, and is
# not there, comes from the release too.
if [ -d "$RELEASE_ROOT/portable/lib" ]; then
  dram_root="$RELEASE_ROOT/portable"
  if [ ! -x "$dram_root/lib/@LOADER@" ]; then
    echo "$dram_root: no program can be started here: the file system is mounted noexec, or the release was unpacked without its modes" >&2
    exit 126
  fi
  if [ -z "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ]; then
    export LANG=C.UTF-8 # else the VM takes file names and the terminal for latin1
  fi
  case "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" in
    C.UTF-8 | C.utf8)
      if [ -d "$dram_root/locale" ] && [ ! -d /usr/lib/locale/C.UTF-8 ] && [ ! -d /usr/lib/locale/C.utf8 ]; then
        export LOCPATH="$dram_root/locale"
      fi
      ;;
  esac
  dram_bundle="$dram_root/cacerts.pem"
  for dram_file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
    /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -s "$dram_file" ]; then
      dram_bundle=
    fi
  done
  case "$dram_bundle" in
    '' | *[\"\'\\]*) ;; # the machine's, or a path that Erlang would read otherwise
    *)
      if [ -s "$dram_bundle" ]; then
        export ERL_AFLAGS="-public_key cacerts_path '\"$dram_bundle\"'${ERL_AFLAGS:+ $ERL_AFLAGS}"
      fi
      ;;
  esac
  unset dram_root dram_bundle dram_file
fi
