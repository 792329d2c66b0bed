# The build of shop, as dram does it; this file is its own, and yours to change.
#   docker build --tag=build-elixir -f Dockerfile .
#   docker run -v $PWD/releases:/app/releases build-elixir mix release shop --overwrite
# leave the tarball in releases/shop/releases/VERSION/.
# Any Docker builds it.
ARG TOOLCHAIN=debian:13

FROM ${TOOLCHAIN} AS toolchain
USER 0:0
SHELL ["/bin/sh", "-euc"]
ENV PATH=/usr/local/bin:/usr/bin:/bin
ENV MIX_ENV=prod
ENV HEX_HOME=/cache/hex
ENV MIX_HOME=/cache/mix
ENV GREETING="say \"hi\" for \$5"
WORKDIR /app
# The script that the steps below call.
RUN mkdir /dram; printf '%s\n' \
    '#!/bin/sh' \
    'kept="/app/_build"' \
    'fetched="/app/deps /cache/hex /cache/mix"' \
    'export="/app/_build/prod/rel/shop"' \
    'assembled="/app/_build/prod/rel/shop"' \
    'lock="mix.lock"' \
    'set -eu' \
    'export LC_ALL=C' \
    '# packed lists the tarballs that the release'\''s own tool made: inode, time, size, name.' \
    'packed() {' \
    '    stat -c "%i %Y %s %n" "$assembled"/releases/*/"$name.tar.gz" 2>/dev/null | sort' \
    '}' \
    '' \
    'case $1 in' \
    'begin)' \
    '    if [ -f /dram/lock ]; then' \
    '        cp /dram/lock "$lock"' \
    '        echo "dram: unlocked"' \
    '    fi' \
    '    rm -rf "$export"' \
    '    ;;' \
    'step)' \
    '    echo "dram: step $2"' \
    '    shift 2' \
    '    for given in environment network; do' \
    '        [ ! -f /run/secrets/$given ] || . /run/secrets/$given' \
    '    done' \
    '    # With an agent at hand and no known hosts, a host is taken as it first comes.' \
    '    [ -z "${SSH_AUTH_SOCK-}" ] || [ -e /root/.ssh/known_hosts ] || export GIT_SSH_COMMAND="${GIT_SSH_COMMAND-ssh -o StrictHostKeyChecking=accept-new}"' \
    '    exec "$@"' \
    '    ;;' \
    'try)' \
    '    echo "dram: step $2"' \
    '    name=$2' \
    '    shift 2' \
    '    "$@" || {' \
    '        echo "dram: failed $name"' \
    '        find "$kept" -mindepth 1 -maxdepth 1 -exec rm -rf {} +' \
    '    }' \
    '    ;;' \
    'seed)' \
    '    [ ! -f "$lock" ] || [ -f /dram/lock.before ] || cp "$lock" /dram/lock.before' \
    '    # shellcheck disable=SC2086 # a list of directories' \
    '    mkdir -p $fetched "$kept"' \
    '    ;;' \
    'settle)' \
    '    if [ -f /dram/lock.before ]; then' \
    '        cmp -s /dram/lock.before "$lock" || cp "$lock" /dram/lock' \
    '    fi' \
    '    ;;' \
    'run)' \
    '    shift' \
    '    name=$(basename "$export")' \
    '    packed > /tmp/before' \
    '    "$@"' \
    '    packed | comm -13 /tmp/before - | cut -d" " -f4- > /tmp/packed' \
    '    if [ -s /tmp/packed ]; then' \
    '        while IFS= read -r own; do' \
    '            tarball=releases/$name/${own#"$assembled"/}' \
    '            mkdir -p "$(dirname "$tarball")"' \
    '            [ "$own" -ef "$tarball" ] || cp "$own" "$tarball"' \
    '            echo "$tarball"' \
    '        done < /tmp/packed' \
    '    elif [ -f "$export/releases/start_erl.data" ]; then' \
    '        version=$(cut -d" " -f2 "$export/releases/start_erl.data")' \
    '        tarball=releases/$name/releases/$version/$name.tar.gz' \
    '        mkdir -p "$(dirname "$tarball")"' \
    '        (cd "$export" && tar -cf - -- *) | gzip -n > "$tarball"' \
    '        echo "$tarball"' \
    '    else' \
    '        exit 0' \
    '    fi' \
    '    chown -R "$(stat -c %u:%g releases)" "releases/$name"' \
    '    ;;' \
    esac \
    > /dram/build; chmod 755 /dram/build

FROM toolchain AS fetch

# All but the release, over what was fetched.
FROM fetch AS compiled
COPY . .
RUN \
    /dram/build begin; \
    /dram/build step compile env HEX_OFFLINE=1 mix deps.compile

# To run Mix in: a command that assembles a release leaves its tarball below
# /app/releases, which the caller mounts.
FROM compiled AS build-elixir
ENTRYPOINT ["/dram/build", "run"]
CMD ["mix", "release", "shop", "--overwrite"]
