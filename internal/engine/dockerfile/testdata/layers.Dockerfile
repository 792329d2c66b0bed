# The build of shop, as dram does it; this file is its own, and yours to change.
#   docker build --tag=build-elixir -f docker/Dockerfile.build.elixir .
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
COPY ["docker/build.sh", "/dram/build"]
RUN chmod 755 /dram/build

FROM toolchain AS fetch
# Only what fetching depends on: after a change to anything else it is not done
# again; and nothing is left of an earlier time.
COPY ["mix.exs", "mix.lock", "./"]
COPY ["apps/web/mix.exs", "./apps/web/"]
COPY ["config/config.exs", "config/prod.exs", "./config/"]
# Where to fetch from, if not where all do: --build-arg NAME=URL.
ARG HEX_MIRROR_URL
ARG NPM_CONFIG_REGISTRY
RUN \
    /dram/build seed; \
    /dram/build step fetch env HEX_CACERTS_PATH=/etc/ssl/certs/ca-certificates.crt mix deps.get --only prod
RUN \
    /dram/build seed; \
    /dram/build try dependencies env HEX_OFFLINE=1 mix deps.compile
RUN \
    /dram/build seed; \
    /dram/build step 'assets setup' mix assets.setup; \
    /dram/build settle

# All but the release, over what was fetched.
FROM fetch AS compiled
COPY . .
RUN \
    /dram/build begin; \
    /dram/build step compile env HEX_OFFLINE=1 mix compile; \
    /dram/build step assets env HEX_OFFLINE=1 mix assets.deploy

# To run Mix in: a command that assembles a release leaves its tarball below
# /app/releases, which the caller mounts.
FROM compiled AS build-elixir
ENTRYPOINT ["/dram/build", "run"]
CMD ["mix", "release", "shop", "--overwrite"]
