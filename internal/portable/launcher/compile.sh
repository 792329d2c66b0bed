#!/bin/sh
# compile.sh COMPILER SOURCE FILE makes FILE of a program such as launcher.c. Those kept are made
# by the gcc of Debian 12, x86_64-linux-gnu-gcc-12 and aarch64-linux-gnu-gcc-12.
set -eu
cd "$(dirname "$0")"
case "$1" in
x86_64*) set -- "$@" -fcf-protection=none ;;
esac
compiler=$1 source=$2 file=$3
shift 3
# One page of code at an address that neither programs nor loaders ask for.
"$compiler" "$@" -Os -std=gnu11 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pie -no-pie -fno-stack-protector \
  -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -fno-ident -Wl,--build-id=none -Wl,-z,noexecstack \
  -Wl,-z,noseparate-code -Wl,-Ttext-segment=0x60000000 -s "$source" -o "$file"
