# The build of shop, as dram does it; this file is its own, and yours to change.
#   docker build --tag=build-elixir -f docker/Dockerfile.build.elixir .
#   docker run -v $PWD/releases:/app/releases build-elixir mix distillery.release --name=shop
# leave the tarball in releases/shop/releases/VERSION/, and
#   docker build --target=release --output=DIR -f docker/Dockerfile.build.elixir .
# the release's files in DIR.
# It needs BuildKit, as in Docker 23 or later.
ARG TOOLCHAIN=debian:12

FROM ${TOOLCHAIN} AS toolchain
USER 0:0
SHELL ["/bin/sh", "-euc"]
ENV PATH=/usr/local/bin:/usr/bin:/bin
ENV MIX_ENV=prod
ENV HEX_HOME=/cache/hex
ENV MIX_HOME=/cache/mix
ENV GREETING="say \"hi\" for \$5"
WORKDIR /app
# The script that the steps below call. It tells, too, what may be kept of an
# earlier build.
RUN mkdir /dram; printf '%s\n' \
    '#!/bin/sh' \
    'kept="/app/_build"' \
    'fetched="/app/deps /cache/hex /cache/mix"' \
    'export="/app/_build/prod/rel/shop"' \
    'assembled="/app/releases/shop"' \
    'lock="mix.lock"' \
    careful=yes \
    'pruned="-path ./_build -prune -o -path ./deps -prune -o"' \
    '# What lies in the cache mount makes a build fast and decides nothing: it is' \
    '# believed only where it was made by the same toolchain and dependencies, and' \
    '# the times of the files tell Mix which of them differ from then.' \
    'set -eu' \
    'export LC_ALL=C' \
    'note=$kept/.dram' \
    '' \
    '# sources lists all files but those that are kept: a digest, two spaces, a name.' \
    'sources() {' \
    '    eval "find . $pruned -name node_modules -prune -o -type f -exec sha256sum {} +"' \
    '    eval "find . $pruned -name node_modules -prune -o -type l -print" | while IFS= read -r link; do' \
    '        printf "%s  %s\n" "$(readlink "$link" | sha256sum | cut -c1-64)" "$link"' \
    '    done' \
    '}' \
    '' \
    '# generate keeps what the steps made among the source, which may not be made again.' \
    'generate() {' \
    '    eval "find . $pruned -name node_modules -prune -o ! -type d -print" | sort > /tmp/there' \
    '    cut -c67- "$note/now" | sort | comm -13 - /tmp/there > /tmp/made' \
    '    rm -f "$note/made.tar"' \
    '    [ ! -s /tmp/made ] || tar -cf "$note/made.tar" -T /tmp/made' \
    '}' \
    '' \
    '# packed lists the tarballs that the release'\''s own tool made: inode, time, size, name.' \
    'packed() {' \
    '    stat -c "%i %Y %s %n" "$assembled"/releases/*/"$name.tar.gz" 2>/dev/null | sort' \
    '}' \
    '' \
    '# code tells names of files whose compilers know what depends on them.' \
    'code="[.](ex|eex|leex|heex|erl|hrl|xrl|yrl)$"' \
    '' \
    '# changes tells files that are new or other than when was last built, and ones' \
    '# that are gone.' \
    'changes() {' \
    '    comm -13 "$note/was" "$note/now" | cut -c67- > /tmp/changed' \
    '    cut -c67- "$note/now" | sort > /tmp/names' \
    '    cut -c67- "$note/was" | sort | comm -23 - /tmp/names > /tmp/removed' \
    '}' \
    '' \
    'case $1 in' \
    'begin)' \
    '    if [ -f /dram/lock ]; then' \
    '        cp /dram/lock "$lock"' \
    '        echo "dram: unlocked"' \
    '    fi' \
    '    mkdir -p "$note"' \
    '    last=$(cat "$note/sound" 2>/dev/null || echo never)' \
    '    sources | sort > /tmp/now' \
    '    cp /tmp/now "$note/now"' \
    '    touch "$note/was"' \
    '    changes' \
    '    # Code that is gone, and whatever is no code, may have had a say in anything.' \
    '    if [ "$last" = never ] || [ "$last" -gt "$(date +%s)" ] || ! cmp -s /dram/id "$note/id" ||' \
    '        { [ -n "$careful" ] && { [ -s /tmp/removed ] || grep -qvE "$code" /tmp/changed; }; }; then' \
    '        find "$kept" -mindepth 1 -maxdepth 1 -exec rm -rf {} +' \
    '        echo "dram: fresh"' \
    '        mkdir -p "$note"' \
    '        : > "$note/was"' \
    '        cp /tmp/now "$note/now"' \
    '        changes' \
    '        last=0' \
    '        [ ! -d /dram/compiled ] || cp -a /dram/compiled/. "$kept/"' \
    '    fi' \
    '    rm -f "$note/sound"' \
    '    [ ! -f "$note/made.tar" ] || tar -xf "$note/made.tar"' \
    '    while [ "$(date +%s)" -le "$last" ]; do sleep 0.1; done' \
    '    tr "\n" "\0" < /tmp/changed | xargs -0 -r touch -c --' \
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
    'generated)' \
    '    generate' \
    '    touch "$note/generated"' \
    '    ;;' \
    'end)' \
    '    [ -f "$note/generated" ] || generate' \
    '    rm -f "$note/generated"' \
    '    if [ "$2" -gt 0 ]; then' \
    '        comm -12 "$note/was" "$note/now" > "$note/both"' \
    '        mv "$note/both" "$note/now"' \
    '    fi' \
    '    mv "$note/now" "$note/was"' \
    '    cp /dram/id "$note/id"' \
    '    [ "$2" -gt 128 ] || date +%s > "$note/sound"' \
    '    exit "$2"' \
    '    ;;' \
    'export)' \
    '    if [ ! -d "$export" ]; then' \
    '        echo "dram: nothing at $export"' \
    '        exit 1' \
    '    fi' \
    '    mkdir -p /dram/out' \
    '    cp -a "$export/." /dram/out/' \
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
    '    mkdir -p /dram/compiled' \
    '    find "$kept" -mindepth 1 -maxdepth 1 -exec mv {} /dram/compiled/ \;' \
    '    # The same dependencies in the same toolchain: what was compiled holds.' \
    '    {' \
    '        cat /dram/id' \
    '        for dir in $fetched /dram/compiled; do' \
    '            [ "$dir" = "${HEX_HOME-}" ] || find "$dir" -name .git -prune -o -type f -exec sha256sum {} + | sort' \
    '        done' \
    '    } | sha256sum > /dram/id.new' \
    '    mv /dram/id.new /dram/id' \
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
    > /dram/build; chmod 755 /dram/build; cat /proc/sys/kernel/random/uuid > /dram/id

FROM toolchain AS fetch

FROM fetch AS source
COPY . .

FROM source AS assemble
# Without the network: what is built comes of the source and of what was fetched.
RUN --network=none \
    --mount=type=cache,id=shop-build,target=/app/_build,sharing=locked \
    /dram/build begin; \
    /dram/build step clear rm -rf /app/releases/shop && \
    /dram/build step release env HEX_OFFLINE=1 mix distillery.release --name=shop --no-tar && \
    /dram/build step collect mv /app/releases/shop /app/_build/prod/rel/shop && \
    /dram/build step RELEASES erl -noshell -eval 'halt().' || status=$?; \
    /dram/build end ${status:-0}; \
    /dram/build export
# For --output: the release and nothing else.
FROM scratch AS release
COPY --from=assemble /dram/out/ /

# All but the release.
FROM source AS compiled
RUN --network=none \
    --mount=type=cache,id=shop-build,target=/app/_build,sharing=locked \
    /dram/build begin; \
    /dram/build step compile env HEX_OFFLINE=1 mix compile || status=$?; \
    /dram/build end ${status:-0}; \
    cp -a /app/_build /dram/built

# To run Mix in: a command that assembles a release leaves its tarball below
# /app/releases, which the caller mounts.
FROM compiled AS build-elixir
RUN rm -rf /app/_build; mv /dram/built /app/_build
# Distillery packs the RELEASES that it has Erlang write, which from OTP 25 on
# goes to Erlang's own directory: this brings it to the release.
RUN ln -sf /app/releases/shop/releases/RELEASES "$(erl -noshell -eval 'io:put_chars(code:root_dir()), halt().')/releases/RELEASES"
ENTRYPOINT ["/dram/build", "run"]
CMD ["mix", "distillery.release", "--name=shop"]
