#!/bin/sh
# Makes /image of the release in /image/app and of what it needs of this system,
# and fails where the system lacks a library. Docker runs it: see Dockerfile.run.
set -eu
export LC_ALL=C
out=/image

# put copies a file to where it lies, and what its links lead to.
put() {
    if [ ! -e "$out$1" ] && [ ! -L "$out$1" ]; then
        mkdir -p "$out${1%/*}"
        if [ -L "$1" ]; then
            end=$(readlink -f "$1")
            put "$end"
            ln -s "$end" "$out$1"
        else
            cp -p "$1" "$out$1"
            echo "$1" >> /tmp/found
        fi
    fi
}

# needs puts the libraries of the files whose names it reads.
needs() {
    while IFS= read -r file; do
        ldd "$file" 2>&1 | sed "s|^|$file: |"
    done > /tmp/needs
    if grep -e " not found" -e "Error loading shared library" /tmp/needs >&2; then
        echo "these libraries are not here; add the packages that have them to the toolchain" >&2
        exit 1
    fi
    sed -n -e "s|.* => \(/[^ ]*\) (0x.*|\1|p" -e "s|^.*: [[:space:]]*\(/[^ ]*\) (0x.*|\1|p" /tmp/needs | sort -u > /tmp/libraries
    while IFS= read -r library; do
        case $library in
        "$out"/*) ;;
        *) put "$library" ;;
        esac
    done < /tmp/libraries
}

# first puts the first of some files that is there.
first() {
    for file in "$@"; do
        if [ -e "$file" ]; then
            put "$file"
            break
        fi
    done
}

# The directories and links that every image has.
for dir in $empty; do
    mkdir -p "$out/$dir"
done
mkdir -p "$out/etc"
mkdir -p -m 1777 "$out/tmp"
for link in $merged; do
    if [ -L "/$link" ]; then
        cp -P "/$link" "$out/$link"
        mkdir -p "$out/$(readlink "/$link" | sed "s|^/||")"
    fi
done

# Programs: those of the release's scripts, and those that were asked for.
: > /tmp/found
for name in $programs; do
    program=$(command -v "$name" || :)
    case $program in
    /*) put "$program" ;;
    esac
done
for name in $asked; do
    put "$(command -v "$name")"
done
if ls -d "$out"/app/lib/os_mon-* > /dev/null 2>&1; then
    put "$(command -v df)"
fi

# Libraries: what the C library opens by name, then what all of these need.
minor=$(ldd --version 2>/dev/null | sed -n "1s/.*[^0-9]2[.]\([0-9]*\)$/\1/p")
[ "${minor:-99}" -ge 34 ] || opened="$opened $lookups"
for library in $opened; do
    first /usr/lib/*-linux-*/"$library" /lib/*-linux-*/"$library" "/usr/lib64/$library" "/lib64/$library" "/usr/lib/$library" "/lib/$library"
done
find "$out/app" -type f \( -perm -0100 -o -name "*.so*" \) >> /tmp/found
sort -u /tmp/found > /tmp/files
needs < /tmp/files

# Certificates, the locale, terminals, and the distribution's name.
for bundle in $bundles; do
    if [ -e "/$bundle" ]; then
        mkdir -p "$out/etc/ssl/certs"
        cp -L "/$bundle" "$out/etc/ssl/certs/ca-certificates.crt"
        break
    fi
done
for dir in $locales; do
    if [ -d "/$dir" ]; then
        mkdir -p "$out/${dir%/*}"
        cp -a "/$dir" "$out/${dir%/*}/"
    fi
done
for terminal in $terminals; do
    for dir in $terminfo; do
        first "/$dir/$(printf %.1s "$terminal")/$terminal"
    done
done
for file in $identity; do
    first "/$file"
done
