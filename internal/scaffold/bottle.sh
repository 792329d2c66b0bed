#!/bin/sh
# Gathers in /image what the release in /image/app needs of this system, and
# fails where it lacks a library.
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

mkdir -p "$out/tmp" "$out/etc" "$out/dev" "$out/proc" "$out/sys" "$out/run"
chmod 1777 "$out/tmp"
for link in bin sbin lib lib64; do
    if [ -L "/$link" ]; then
        cp -P "/$link" "$out/$link"
        mkdir -p "$out/$(readlink "/$link" | sed "s|^/||")"
    fi
done
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
# What the C library opens by name.
for library in libgcc_s.so.1 libsctp.so.1 libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
    for dir in /usr/lib/*-linux-* /lib/*-linux-* /usr/lib64 /lib64 /usr/lib /lib; do
        if [ -e "$dir/$library" ]; then
            put "$dir/$library"
            break
        fi
    done
done
find "$out/app" -type f \( -perm -0100 -o -name "*.so*" \) >> /tmp/found
sort -u /tmp/found > /tmp/files
needs < /tmp/files
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -e "$bundle" ]; then
        mkdir -p "$out/etc/ssl/certs"
        cp -L "$bundle" "$out/etc/ssl/certs/ca-certificates.crt"
        break
    fi
done
for dir in /usr/lib/locale/C.utf8 /usr/lib/locale/C.UTF-8; do
    if [ -d "$dir" ]; then
        mkdir -p "$out/usr/lib/locale"
        cp -a "$dir" "$out/usr/lib/locale/"
    fi
done
for terminal in ansi dumb linux screen screen-256color tmux tmux-256color vt100 xterm xterm-256color; do
    for dir in /usr/lib/terminfo /lib/terminfo /usr/share/terminfo /etc/terminfo; do
        file=$dir/$(printf %.1s "$terminal")/$terminal
        if [ -e "$file" ]; then
            put "$file"
        fi
    done
done
for file in /etc/os-release /etc/debian_version /etc/alpine-release; do
    if [ -e "$file" ]; then
        put "$file"
    fi
done
printf "%s\n" root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/nonexistent:/bin/false "app:x:$user:$group:app:/tmp:/bin/sh" > "$out/etc/passwd"
printf "%s\n" root:x:0: nogroup:x:65534: "app:x:$group:" > "$out/etc/group"
printf "%s\n" "passwd: files" "group: files" "hosts: files dns" "services: files" "protocols: files" > "$out/etc/nsswitch.conf"
